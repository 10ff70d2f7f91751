"""What a file is: by its first bytes, and by its name."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from regkit.errors import InputError
from regkit.io.streams import opened

READABLE = {
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
}
WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")

_GZIP = b"\x1f\x8b"
_TWO_FILE = "two-file NIfTI or Analyze (.hdr and .img)"
_FOREIGN = (
    (0, b"II*\x00", "TIFF or GeoTIFF"),
    (0, b"MM\x00*", "TIFF or GeoTIFF"),
    (0, b"II+\x00", "TIFF or GeoTIFF"),
    (0, b"MM\x00+", "TIFF or GeoTIFF"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"\x89PNG", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"PK\x03\x04", "zip or npz"),
    (0, b"\x93NUMPY", "NumPy"),
    (0, b"#Insight Transform File", "ITK transform"),
    (128, b"DICM", "DICOM"),
)


@dataclass(frozen=True)
class Content:
    """What the first bytes of a file say: the format, and whether it is inside gzip."""

    format: str | None
    compressed: bool


def display_name(path: str | Path) -> str:
    r"""The base name of a file, on one line, as messages and volumes call it.

    Examples
    --------
    >>> display_name("/data/two\nlines.nii")
    'two\\nlines.nii'
    """
    return display_path(Path(path).name or path)


def display_path(path: str | Path) -> str:
    """A path on one line."""
    name = str(path)
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def extension(path: str | Path) -> str:
    """The lower-case extension, in which ``.nii.gz`` counts as one.

    Examples
    --------
    >>> extension("a.b.NII.GZ"), extension("a.b.h5")
    ('.nii.gz', '.h5')
    """
    suffixes = Path(path).suffixes
    joined = "".join(suffixes[-2:]).lower()
    return joined if joined == ".nii.gz" else (suffixes[-1].lower() if suffixes else "")


def sniff(path: Path) -> Content:
    """Recognise a file by its first bytes.

    Raises
    ------
    InputError
        If it cannot be opened, or its compressed data end within the first block.
    """
    name = display_name(path)
    with opened(path, name, compressed=False) as file:
        start = file.read(1024)
    if not start.startswith(_GZIP):
        return Content(_format_of(start), compressed=False)
    with opened(path, name, compressed=True) as stream:
        return Content(_format_of(stream.read(1024)), compressed=True)


def check_content(path: Path, content: Content) -> str:
    """The format to read ``path`` as, once its name and its first bytes agree.

    Raises
    ------
    InputError
        If regkit does not read this format, or the name promises another one.
    """
    name, suffix = display_name(path), extension(path)
    promised = READABLE.get(suffix)
    if content.format not in READABLE.values():
        raise InputError(_unreadable(name, suffix, content))
    if promised and promised != content.format:
        raise InputError(
            f"{name}: the content is {content.format}, but the name says {promised}; rename it"
        )
    if content.format != "NIfTI" and (promised is None or content.compressed):
        raise InputError(
            f"{name}: the content is {content.format}{' inside gzip' * content.compressed}; "
            "unpack it and name it .nrrd, .nhdr, .mha or .mhd"
        )
    if promised and content.compressed != suffix.endswith(".gz"):
        state = "is" if content.compressed else "is not"
        fit = ".nii.gz" if content.compressed else ".nii"
        raise InputError(
            f"{name}: the name says {suffix}, but the content {state} gzip; rename it to {fit}"
        )
    return str(content.format)


def _format_of(start: bytes) -> str | None:
    if start.startswith(b"NRRD00"):
        return "NRRD"
    for offset, magic, kind in _FOREIGN:
        if start[offset : offset + len(magic)] == magic:
            return kind
    if _looks_meta(start):
        return "MetaImage"
    return _nifti_kind(start)


def _looks_meta(start: bytes) -> bool:
    line = start.split(b"\n", 1)[0].replace(b" ", b"")
    return line.startswith((b"ObjectType=", b"NDims=", b"Comment=", b"ObjectSubType="))


def _nifti_kind(start: bytes) -> str | None:
    if len(start) < 4:
        return None
    sizes = {struct.unpack(order + "i", start[:4])[0] for order in "<>"}
    if start[344:347] == b"ni1" or start[4:7] == b"ni2":
        return _TWO_FILE
    if start[344:347] == b"n+1" or start[4:7] == b"n+2":
        return "NIfTI"
    # A short file that begins like a header is called a cut one, not an unknown one.
    if sizes & {348, 540} and len(start) < 352:
        return "NIfTI"
    if 348 in sizes and start[344:348] == bytes(4):
        return _TWO_FILE
    return None


def _unreadable(name: str, suffix: str, content: Content) -> str:
    formats = ", ".join(READABLE)
    if content.format == "DICOM":
        return f"{name}: DICOM is not supported; convert the series with dcm2niix"
    if content.format:
        return f"{name}: {content.format} is not supported as an image; readable: {formats}"
    if suffix in READABLE:
        return f"{name}: not a {READABLE[suffix]} file, whatever its name says; check its origin"
    return f"{name}: not an image that regkit knows; readable: {formats}"
