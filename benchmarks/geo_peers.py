"""How programs for scenes register two of them: coregix and GeFolki, where they are installed.

Neither is in an extra, GeFolki since its licence is the GPL: `pip install --no-deps coregix gefolki
loguru`. arosics builds against a GDAL of the machine, and did not install from PyPI; satalign and
eo-learn call the ECC of OpenCV and the phase correlation of scikit-image, which stand for
themselves.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from benchmarks.scene_peers import Floats, OneBand, Peer, Way
from regkit.errors import require

_GAP = -9999.0


def coregix(pair: OneBand) -> Way:
    """coregix: a translation, then a rigid transform, by edges in elastix.

    It tells no transform. Bands that hold the row and the column of each pixel are resampled with
    the scene, and say in the result whence each was taken: linear interpolation keeps them.
    """
    align = require("coregix", extra="bench").align_image_pair
    where = np.indices(pair.moving.shape, dtype=np.float32)
    with TemporaryDirectory() as folder:
        fixed, moving, out = (Path(folder, f"{name}.tif") for name in ("fixed", "moving", "out"))
        _write(fixed, [pair.fixed], pair)
        _write(moving, [pair.moving, *where], pair)
        align(str(moving), str(fixed), str(out))
        with require("rasterio", extra="geo").open(out) as dataset:
            found = dataset.read().astype(np.float64)
    taken = np.where(found[0] == _GAP, np.nan, found[1:])
    return pair.as_map(lambda index: _at(taken, index) - index)


def _write(path: Path, bands: list[Floats], pair: OneBand) -> None:
    rasterio = require("rasterio", extra="geo")
    height, width = pair.fixed.shape
    place = rasterio.Affine(10, 0, 300000, 0, -10, 6260000)
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=len(bands), dtype="float32",
        nodata=_GAP, crs="EPSG:32735", transform=place,
    ) as dataset:  # fmt: skip
        dataset.write(np.stack([np.where(pair.both, each, np.float32(_GAP)) for each in bands]))


def gefolki(pair: OneBand) -> Way:
    """GeFolki: EFolki, dense flow of ranks, by the settings of its own demonstration.

    Its GEFolki, for optical and SAR, ends in an IndexError with NumPy 2 and scikit-image 0.26.
    """
    flow = require("gefolki.algorithm", extra="bench").EFolki
    radii = [32, 24, 16, 8]
    columns, rows = flow(pair.fixed, pair.moving, iteration=2, radius=radii, rank=4, levels=5)
    return pair.as_map(lambda index: _at(np.stack([rows, columns]), index))


def _at(values: NDArray[np.float64], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two values ``(2, rows, columns)`` at rows and columns ``(..., 2)``, in a last axis."""
    where = np.moveaxis(index, -1, 0)
    each = [map_coordinates(one, where, order=1, mode="nearest") for one in values]
    return np.stack(each, -1)


def geo_peers() -> dict[str, Peer]:
    """Those of the two that are installed."""
    both = {"coregix": coregix, "gefolki": gefolki}
    return {name: run for name, run in both.items() if find_spec(name) is not None}
