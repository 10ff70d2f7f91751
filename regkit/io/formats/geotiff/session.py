"""GDAL on a short lead: what it may open, and what it may use."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regkit.errors import InputError, require

EXTRA = "geo"
# GDAL would take 5 % of the memory of the machine for its cache, look for files beside the image
# (which can name others), and write statistics there.
_GDAL = {
    "GDAL_CACHEMAX": 64 << 20,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GDAL_NUM_THREADS": "2",
    "GDAL_HTTP_MAX_RETRY": "0",
    "PROJ_NETWORK": "OFF",
}


@contextmanager
def gdal() -> Iterator[Any]:
    """Give rasterio, with what GDAL may do bounded.

    Raises
    ------
    InputError
        If rasterio is not installed.
    """
    rasterio = require("rasterio", extra=EXTRA)
    with rasterio.Env(**_GDAL):
        yield rasterio


@contextmanager
def open_geotiff(path: Path, name: str, level: int = 0) -> Iterator[Any]:
    """Open a local file by the GeoTIFF driver alone, and say in one sentence what is wrong with it.

    Parameters
    ----------
    path
        The file, which exists.
    name
        What messages call it.
    level
        0 for the pixels themselves, then the overviews of the file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    # GDAL takes names that begin so for archives, memory or the network.
    place = str(path.absolute())
    if place.startswith("/vsi"):
        raise InputError(f"{name}: lies in a folder whose name GDAL takes for another; move it")
    choice = {"overview_level": level - 1} if level else {}
    with gdal() as rasterio, warnings.catch_warnings():
        # That there is no geotransform is refused in our own words.
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            with rasterio.open(place, driver="GTiff", **choice) as dataset:
                yield dataset
        except (rasterio.errors.RasterioError, rasterio.errors.CRSError) as error:
            reason = (str(error.__cause__ or error).splitlines() or ["unknown"])[0]
            raise InputError(
                f"{name}: cannot be read ({reason.replace(place, name):.100}); the file is cut or "
                "damaged"
            ) from error
