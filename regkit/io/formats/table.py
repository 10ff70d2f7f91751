"""The table of formats: which of them a file is, by its first bytes and by its name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from regkit.errors import InputError
from regkit.geometry import World
from regkit.io.format import Format
from regkit.io.formats.analyze import ANALYZE
from regkit.io.formats.dicom import DICOM
from regkit.io.formats.foreign import foreign_kind
from regkit.io.formats.geotiff import GEOTIFF
from regkit.io.formats.metaimage import METAIMAGE
from regkit.io.formats.mgh import MGH
from regkit.io.formats.minc import MINC
from regkit.io.formats.nifti import NIFTI
from regkit.io.formats.npy import NPY
from regkit.io.formats.nrrd import NRRD
from regkit.io.formats.picture import JPEG, PNG, TIFF
from regkit.io.names import display_name, extension
from regkit.io.streams import inside_gzip, open_stream

FORMATS_GROUP = "regkit.formats"
# DICOM first: its preamble may be the beginning of a TIFF file.
BUILT_IN_FORMATS = (
    DICOM, NIFTI, NRRD, METAIMAGE, MGH, GEOTIFF, TIFF, PNG, JPEG, NPY, MINC, ANALYZE,
)  # fmt: skip

_START = 1024


@cache
def _added() -> tuple[Format, ...]:
    """Formats of other packages; they are loaded only for a file that no built-in format reads."""
    return tuple(entry.load() for entry in entry_points(group=FORMATS_GROUP))


def image_formats() -> tuple[Format, ...]:
    """List all formats, those that come with regkit first."""
    return (*BUILT_IN_FORMATS, *_added())


def format_called(name: str) -> Format:
    """Return the format that a :class:`regkit.io.header.Header` names.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    for each in _candidates():
        if each.name == name:
            return each
    raise InputError(f"{name!r} is not an image format that regkit knows")


def readable() -> tuple[str, ...]:
    """List the extensions that promise a format which can be read."""
    return tuple(dict.fromkeys(suffix for each in image_formats() for suffix in each.suffixes))


def series_suffixes() -> tuple[str, ...]:
    """List the extensions under which several frames can be written."""
    return tuple(suffix for each in image_formats() if each.series for suffix in each.writable)


def channel_suffixes() -> tuple[str, ...]:
    """List the extensions under which several channels can be written."""
    several = [each for each in image_formats() if each.write_channels is not None]
    return tuple(dict.fromkeys(suffix for each in several for suffix in each.writable))


def writer(path: Path, world: World | None = None) -> Format:
    """Return the format in which an image is written under this name.

    Parameters
    ----------
    path
        The name.
    world
        Where the image lies, if that is known: of two formats with one extension, the one for
        images on the earth is taken for those.

    Raises
    ------
    InputError
        If the extension is none that regkit writes.
    """
    suffix, on_earth = extension(path), world is not None and world.crs is not None
    fitting = (each for each in _candidates() if suffix in each.writable)
    first = next(fitting, None)
    if first is None:
        every = dict.fromkeys(suffix for each in image_formats() for suffix in each.writable)
        raise InputError(
            f"{display_name(path)}: {suffix or 'no extension'} is not an image format that regkit "
            f"writes; writable: {', '.join(every)}"
        )
    if first.georeferenced == on_earth:  # plug-ins are not even looked for
        return first
    return next((each for each in fitting if each.georeferenced == on_earth), first)


def recognise(path: Path) -> Format:
    """Find the format of a file or folder; its name and its first bytes must agree.

    Raises
    ------
    InputError
        If regkit does not read it, or the name promises another format.
    """
    start, compressed = _first_bytes(path)
    found = next((each for each in _candidates() if each.sniff(path, start)), None)
    if found is None:
        raise _unreadable(path, start)
    _check_name(path, found, compressed)
    return found


def _candidates() -> Iterator[Format]:
    yield from BUILT_IN_FORMATS
    yield from _added()


def _first_bytes(path: Path) -> tuple[bytes, bool]:
    """The first bytes, decompressed, and whether they were compressed; none of a folder."""
    if path.is_dir():
        return b"", False
    name = display_name(path)
    compressed = inside_gzip(path)
    with open_stream(path, name, compressed=compressed) as file:
        return file.read(_START), compressed


def _check_name(path: Path, found: Format, compressed: bool) -> None:
    name, suffix = display_name(path), extension(path)
    promised = found if suffix in found.suffixes else _promised(suffix)
    if promised is not None and promised.name != found.name:
        raise InputError(
            f"{name}: the content is {found.name}, but the name says {promised.name}; rename it"
        )
    if (promised is None and not found.any_name) or (compressed and not found.gzipped):
        raise InputError(
            f"{name}: the content is {found.name}{' inside gzip' * compressed}; unpack it and "
            f"name it {' or '.join(found.suffixes)}"
        )
    if promised is not None and compressed != (suffix in found.gzipped):
        fitting = [each for each in found.suffixes if (each in found.gzipped) == compressed]
        raise InputError(
            f"{name}: the name says {suffix}, but the content {'is' if compressed else 'is not'} "
            f"gzip; rename it to {fitting[0]}"
        )


def _promised(suffix: str) -> Format | None:
    return next((each for each in _candidates() if suffix in each.suffixes), None)


def _unreadable(path: Path, start: bytes) -> InputError:
    name, promised, kind = display_name(path), _promised(extension(path)), foreign_kind(start)
    formats = ", ".join(readable())
    if path.is_dir() and extension(path) == ".safe":
        return InputError(
            f"{name}: is a product of Sentinel, not an image; give its bands, of Sentinel-2 the "
            "files in GRANULE/*/IMG_DATA, as GeoTIFF (gdal_translate band.jp2 band.tif)"
        )
    if path.is_dir():
        return InputError(
            f"{name}: is a directory that is no image; readable are folders of DICOM files, and "
            f"the files {formats}"
        )
    if kind:
        return InputError(f"{name}: {kind} is not supported as an image; readable: {formats}")
    if promised:
        return InputError(
            f"{name}: not a {promised.name} file, whatever its name says; check its origin"
        )
    return InputError(f"{name}: not an image that regkit knows; readable: {formats}")
