"""A copy of a GeoTIFF that lies elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from regkit.errors import ResourceError
from regkit.geometry import Grid
from regkit.io.formats.geotiff.place import corner_transform
from regkit.io.formats.geotiff.session import gdal, open_geotiff
from regkit.io.names import display_name

# GDAL otherwise refuses to touch a Cloud-Optimised file, whose header then is not at its start.
_IN_PLACE = {"driver": "GTiff", "IGNORE_COG_LAYOUT_BREAK": "YES"}


def moved_geotiff(source: Path, target: Path, grid: Grid) -> None:
    """Copy a GeoTIFF byte by byte, and give the copy another geotransform; no pixel changes.

    Parameters
    ----------
    source, target
        The file, and its copy.
    grid
        Where the pixels of the copy lie: in the CRS of the file, of the same shape.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    shutil.copyfile(source, target)
    place = str(target.absolute())
    with gdal() as rasterio, rasterio.open(place, "r+", **_IN_PLACE) as dataset:
        dataset.transform = rasterio.Affine(*corner_transform(grid.affine))
    with open_geotiff(target, display_name(target)) as dataset:
        found = tuple(dataset.transform)[:6]
    if not np.allclose(found, corner_transform(grid.affine), rtol=1e-12, atol=1e-9):
        raise ResourceError(f"{target.name}: reads back with another geotransform; check the disk")
