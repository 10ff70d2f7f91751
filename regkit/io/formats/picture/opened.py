"""Pictures in: their header and their pixels, with what Pillow would change in silence refused."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.io.format import Window
from regkit.io.formats.picture.resolution import spacing_of_tags
from regkit.io.header import Header
from regkit.io.header_checks import check_claim
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product
from regkit.io.spacing import spacing_and_world
from regkit.io.streams import open_stream

# Of Pillow's modes those that hold what the file holds; names of the types in a file.
_MODES = {
    "1": "bool", "L": "uint8", "LA": "uint8", "RGB": "uint8", "RGBA": "uint8", "I": "int32",
    "I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "F": "float32",
}  # fmt: skip
_ORIENTATION = 274
_BITS = 258


def picture_header(path: Path, options: ReadOptions, *, kind: str) -> Header:
    """Check the header of a PNG, JPEG or TIFF file; see :func:`regkit.io.preflight.preflight`.

    Its axes are columns, rows and pages, which point where ITK has them point: to the left, to the
    back and up, from an origin at 0.

    Parameters
    ----------
    path
        The picture.
    options
        The spacing that the user gives where the file has none, and the bound on its size.
    kind
        ``"PNG"``, ``"JPEG"`` or ``"TIFF"``; only a TIFF file has pages.

    Raises
    ------
    InputError
        If it is cut, turned, has a palette or colours of more than 8 bits.
    """
    name = display_name(path)
    with _picture(path, name, kind) as picture:
        _check_kept(path, name, picture, kind)
        pages = int(getattr(picture, "n_frames", 1)) if kind == "TIFF" else 1
        bands, mode = len(picture.getbands()), str(picture.mode)
        shape = (*picture.size, pages)[: 2 + (pages > 1)]
        found = spacing_of_tags(name, picture, len(shape)) if kind == "TIFF" else None
        unit_bytes = np.dtype(_MODES[mode]).itemsize
        _check_pages(name, picture, pages)
    claimed = product(shape) * bands * unit_bytes
    check_claim(name, claimed, claimed, compressed=False, max_bytes=options.max_bytes)
    spacing, world = spacing_and_world(name, len(shape), found, options)
    grid = Grid(shape, lps(len(shape)) @ np.diag([*spacing, 1.0]), world)
    stored = _MODES[mode]
    return Header(
        path,
        name,
        kind,
        grid,
        stored,
        channels=bands,
        options=options,
        value_type="uint8" if stored == "bool" else stored,
    )


def read_picture(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the pixels of one channel of a picture or a stack of pages.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Returns
    -------
    NDArray
        ``(*window)`` in native byte order; pixels of one bit are uint8.

    Raises
    ------
    InputError
        If the file is cut or damaged.
    """
    columns, rows, *pages = window
    numbers = range(pages[0].start, pages[0].stop) if pages else range(1)
    found = []
    with _picture(header.path, header.name, header.format) as picture:
        for number in numbers:
            picture.seek(number)
            array = np.asarray(picture)
            one = array if array.ndim == 2 else array[..., header.channel]
            found.append(one[rows, columns].T)
    data = np.stack(found, axis=-1) if pages else found[0]
    kind = np.dtype(np.uint8) if data.dtype.kind == "b" else data.dtype.newbyteorder("=")
    return data.astype(kind, copy=False)


@contextmanager
def _picture(path: Path, name: str, kind: str) -> Iterator[Any]:
    """The file as Pillow opens it, and what is wrong with it in one sentence."""
    pillow = require("PIL.Image", extra="all")
    with open_stream(path, name, compressed=False) as file, warnings.catch_warnings():
        # Its bound on sizes is replaced by our own, and its other advice is for programmers.
        warnings.simplefilter("ignore")
        try:
            with pillow.open(file, formats=[kind]) as picture:
                yield picture
        except (InputError, MemoryError):
            raise
        except pillow.DecompressionBombError as error:
            raise InputError(f"{name}: has too many pixels ({error}); store it tiled") from error
        except Exception as error:  # whatever its decoders stumble over in a damaged file
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{name}: cannot be read ({reason:.80}); the file is cut or damaged"
            ) from error


def _check_kept(path: Path, name: str, picture: Any, kind: str) -> None:
    """Refuse what Pillow would turn, narrow or look up without a word."""
    if picture.mode not in _MODES:
        what = "a palette" if picture.mode == "P" else f"colours of the kind {picture.mode}"
        raise InputError(f"{name}: has {what}; convert it to grey or RGB")
    turned = picture.getexif().get(_ORIENTATION, 1)
    if turned != 1:
        raise InputError(
            f"{name}: says that it is to be turned (EXIF orientation {turned}); store it upright"
        )
    if len(picture.getbands()) > 1 and _depth(path, picture, kind) > 8:
        raise InputError(
            f"{name}: has colours of {_depth(path, picture, kind)} bits; convert it to one channel "
            "or to 8 bits"
        )


def _depth(path: Path, picture: Any, kind: str) -> int:
    """Bits a channel, as the file has them."""
    if kind == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24]
    if kind == "TIFF":
        return int(max(np.atleast_1d(picture.tag_v2.get(_BITS, 8))))
    return 8


def _check_pages(name: str, picture: Any, pages: int) -> None:
    """Refuse pages of several sizes or kinds: previews, or levels of a pyramid."""
    first = picture.size, picture.mode
    for number in range(1, pages):
        picture.seek(number)
        if (picture.size, picture.mode) != first:
            raise InputError(
                f"{name}: page {number} is {picture.size[0]}x{picture.size[1]} {picture.mode}, the "
                f"first {first[0][0]}x{first[0][1]} {first[1]}; store one image, or pages of a kind"
            )
