"""Files beside a GeoTIFF that say which of its pixels are no data, and that are not read."""

from __future__ import annotations

from pathlib import Path

from regkit.errors import InputError

_MASK, _AUXILIARY = ".msk", ".aux.xml"
_MOST = 1 << 24  # bytes of an auxiliary file that are looked at
_NODATA = b"<NoDataValue"


def check_files_beside(path: Path, name: str, nodata: float | None) -> None:
    """Refuse a file whose gaps another file tells of: here they would count as data.

    GDAL writes a mask beside an image unless it is told otherwise, and a nodata value where it may
    not change the image.

    Parameters
    ----------
    path, name
        The image, and what messages call it.
    nodata
        The nodata value that the image itself has.

    Raises
    ------
    InputError
        If there is such a file.
    """
    for other, what in ((_MASK, "a mask"), (_AUXILIARY, "its nodata value")):
        beside = path.with_name(path.name + other)
        if beside.is_file() and (other == _MASK or (nodata is None and _tells_nodata(beside))):
            raise InputError(
                f"{name}: has {what} in a file beside it, {name}{other}, which is not read; put it "
                f"into the image, such as with gdal_translate -of COG {name} one_file.tif, or "
                f"move {name}{other} away"
            )


def _tells_nodata(path: Path) -> bool:
    with path.open("rb") as file:
        return _NODATA in file.read(_MOST)
