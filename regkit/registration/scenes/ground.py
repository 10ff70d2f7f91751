"""What lengths and directions of a map are on the ground, where a scene lies."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from regkit.errors import require
from regkit.geometry import World
from regkit.geometry.grid import Grid
from regkit.transforms.reprojection import Reprojection

_EARTH = World("degree", "EN+", "OGC:CRS84")
_NEAR = 0.01  # a projection that stretches by less is taken at its word: pixels of 10 m are of 10 m
_STEP = 0.001  # of the width of the scene


@dataclass(frozen=True)
class Ground:
    """The middle of a scene on the ground.

    Parameters
    ----------
    metres
        How many a unit of its CRS is.
    north
        Where the north of its CRS points to, in degrees from true north, clockwise.
    """

    metres: float
    north: float


def ground_of(grid: Grid) -> Ground:
    """Measure a grid in a projected CRS on the ellipsoid of WGS 84.

    Web Mercator stretches by 1 / cos(latitude), and north of a polar projection lies anywhere.

    Examples
    --------
    >>> import numpy as np
    >>> affine = np.array([[10, 0, 500000], [0, -10, 5000000], [0, 0, 1]])
    >>> ground_of(Grid((8, 8), affine, World.projected("EPSG:32632"))).metres
    1.0
    """
    middle = torch.tensor(grid.centre, dtype=torch.float64)
    step = _STEP * max(n * s for n, s in zip(grid.shape, grid.spacing, strict=True))
    points = middle + step * torch.tensor([[0, 0], [1, 0], [0, 1]], dtype=torch.float64)
    (x, y), east, north = Reprojection(grid.world, _EARTH)(points).tolist()
    earth = require("pyproj", extra="geo").Geod(ellps="WGS84")
    _, _, across = earth.inv(x, y, *east)
    turned, _, up = earth.inv(x, y, *north)
    found, said = (across * up) ** 0.5 / step, grid.world.scale_to("m")
    return Ground(said if abs(found / said - 1) < _NEAR else float(found), float(turned))
