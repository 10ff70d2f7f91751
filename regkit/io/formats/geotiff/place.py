"""Where a GeoTIFF lies: its CRS and geotransform as a world and an affine of pixel centres."""

from __future__ import annotations

from typing import Any

import numpy as np

from regkit.errors import InputError
from regkit.geometry import World
from regkit.geometry.affines import Matrix, homogeneous

_FOOT, _SURVEY_FOOT = 0.3048, 1200 / 3937


def centre_affine(transform: Any) -> Matrix:
    """Turn the geotransform of rasterio, of pixel corners, into index to world of pixel centres.

    Parameters
    ----------
    transform
        Its six numbers, or the object of the package affine: ``(column, row)`` to ``(x, y)``.

    Returns
    -------
    Matrix
        ``(3, 3)`` float64.
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    return homogeneous([[a, b], [d, e]], [c, f]) @ homogeneous(np.eye(2), [0.5, 0.5])


def corner_transform(affine: Matrix) -> tuple[float, ...]:
    """Turn index to world of pixel centres ``(3, 3)`` into the six numbers of a geotransform."""
    matrix = affine @ homogeneous(np.eye(2), [-0.5, -0.5])
    return tuple(float(value) for value in matrix[:2].ravel())


def dataset_world(name: str, dataset: Any) -> World:
    """Return the world of a dataset of rasterio.

    Raises
    ------
    InputError
        If it has no CRS or geotransform.
    """
    crs = dataset.crs
    if dataset.transform.is_identity:
        _refuse_unplaced(name, dataset)
    if not crs:
        raise InputError(
            f"{name}: has a geotransform but no CRS (coordinate reference system); set it, such as "
            "with rio edit-info --crs EPSG:32632"
        )
    epsg = crs.to_epsg()
    known = f"EPSG:{epsg}" if epsg else crs.to_wkt()
    return World(_unit(name, crs), "EN+", known)


def _refuse_unplaced(name: str, dataset: Any) -> None:
    points = len(dataset.gcps[0])
    what = f"{points} ground control points (GCPs)" if points else None
    if what is None and dataset.rpcs is not None:
        what = "the coefficients of a camera (RPCs)"
    if what is not None:
        raise InputError(
            f"{name}: lies on the earth by {what}, not by a geotransform; rectify it first, such "
            "as with gdalwarp or rio warp"
        )
    raise InputError(f"{name}: has tags of GeoTIFF, but no geotransform; georeference it first")


def _unit(name: str, crs: Any) -> str:
    if crs.is_geographic:
        return "degree"
    called, metres = crs.linear_units_factor
    units = (("m", 1.0), ("ft", _FOOT), ("us-ft", _SURVEY_FOOT))
    unit = next((unit for unit, size in units if abs(size - metres) < 1e-9), None)
    if unit is None:
        raise InputError(f"{name}: its CRS counts in {called}; allowed: metre, foot, degree")
    return unit


def dataset_affine(name: str, dataset: Any) -> Matrix:
    """Return index to world of the pixel centres of a dataset of rasterio, ``(3, 3)``.

    Raises
    ------
    InputError
        If it spans no plane.
    """
    affine = centre_affine(dataset.transform)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) == 0:
        raise InputError(f"{name}: its geotransform is {tuple(dataset.transform)[:6]}; it must be "
                         "finite and span a plane")  # fmt: skip
    return affine
