"""Where two scenes lie by their headers alone."""

from __future__ import annotations

import numpy as np

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.transforms import Affine, Transform
from regkit.transforms.flatten import flatten_within
from regkit.transforms.reprojection import Reprojection

REPROJECTED_WITHIN = 0.005  # pixels: how exact a reprojection is kept between its nodes
_FIRST_UTM, _UTM_SOUTH = 32600, 32700


def check_metric(grid: Grid, name: str) -> None:
    """Refuse a reference in degrees, in which a pixel is not as wide as high.

    Raises
    ------
    InputError
        It names the UTM zone of the image.
    """
    world = grid.world
    if world.crs is None:
        raise InputError(f"{name}: lies in {world}, which has no CRS; scenes need one")
    if world.unit != "degree":
        return
    longitude, latitude = (float(value) for value in grid.centre)
    zone = int((longitude + 180) // 6) % 60 + 1
    code = (_FIRST_UTM if latitude >= 0 else _UTM_SOUTH) + zone
    raise InputError(
        f"{name}: lies in degrees ({world.crs_name}), and a reference must lie in metres; warp it "
        f"to its UTM zone first, such as with rio warp --dst-crs EPSG:{code}"
    )


def placed_by_headers(fixed: Grid, moving: Grid) -> Transform:
    """World points of fixed to those of moving, by what their headers say.

    Raises
    ------
    InputError
        If the two lie too far apart for that.
    """
    if fixed.world == moving.world:
        return Affine(np.eye(3), fixed.world, moving.world)
    there = Reprojection(fixed.world, moving.world)
    return flatten_within(there, fixed, tolerance=REPROJECTED_WITHIN * max(moving.spacing))
