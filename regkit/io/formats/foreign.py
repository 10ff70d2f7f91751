"""Kinds of files that are known by their first bytes and not read, so that they can be named."""

from __future__ import annotations

_TWO_FILES = "two-file NIfTI (.hdr and .img)"
_CURE = "(gdal_translate makes GeoTIFF of it)"
_JPEG_2000 = f"JPEG 2000, as bands of Sentinel-2 are delivered {_CURE},"
_MAGIC = (
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"PK\x03\x04", "zip or npz"),
    (0, b"#Insight Transform File", "ITK transform"),
    (0, b"<VRTDataset", f"GDAL virtual raster (VRT), which names other files {_CURE},"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", _JPEG_2000),
    (0, b"\xff\x4f\xff\x51", _JPEG_2000),
    (0, b"EHFA_HEADER_TAG", f"ERDAS Imagine {_CURE}"),
)


def foreign_kind(start: bytes) -> str | None:
    r"""Name the kind of a file that no format reads, by its first bytes; None if it is unknown too.

    Examples
    --------
    >>> foreign_kind(b"PK\x03\x04")
    'zip or npz'
    """
    for offset, magic, kind in _MAGIC:
        if start[offset : offset + len(magic)] == magic:
            return kind
    if start[344:347] == b"ni1" or start[4:7] == b"ni2":
        return _TWO_FILES
    return None
