"""Pictures: PNG, JPEG and TIFF, and stacks of TIFF pages, read by Pillow."""

from __future__ import annotations

from functools import partial

from regkit.io.format import Format
from regkit.io.formats.picture.opened import picture_header, read_picture
from regkit.io.formats.picture.written import (
    fits_png,
    fits_tiff,
    verify_picture,
    write_png,
    write_png_channels,
    write_tiff,
    write_tiff_channels,
)

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

PNG = Format(
    "PNG",
    (".png",),
    lambda _path, start: start.startswith(b"\x89PNG"),
    partial(picture_header, kind="PNG"),
    read_picture,
    write_png,
    partial(verify_picture, kind="PNG"),
    writable=(".png",),
    write_channels=write_png_channels,
    fits=fits_png,
)
JPEG = Format(
    "JPEG",
    (".jpg", ".jpeg"),
    lambda _path, start: start.startswith(b"\xff\xd8\xff"),
    partial(picture_header, kind="JPEG"),
    read_picture,
)
TIFF = Format(
    "TIFF",
    (".tif", ".tiff"),
    lambda _path, start: start.startswith(_TIFF_STARTS),
    partial(picture_header, kind="TIFF"),
    read_picture,
    write_tiff,
    partial(verify_picture, kind="TIFF"),
    writable=(".tif", ".tiff"),
    write_channels=write_tiff_channels,
    fits=fits_tiff,
)
