"""Reprojection: from one coordinate reference system to another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import InputError, require
from regkit.geometry.world import World
from regkit.transforms.transform import Transform


@dataclass(frozen=True, eq=False, repr=False)
class Reprojection(Transform):
    """The same place on the earth in another CRS, by PROJ.

    Parameters
    ----------
    fixed_world, moving_world
        Points of the first become points of the second: easting and northing, or longitude and
        latitude in degrees.

    Raises
    ------
    InputError
        If a world has no CRS, PROJ does not know it, or pyproj is not installed.
    """

    fixed_world: World
    moving_world: World

    def __post_init__(self) -> None:
        _transformer(_crs(self.fixed_world), _crs(self.moving_world))

    def __repr__(self) -> str:
        return f"Reprojection({self.fixed_world.crs_name} to {self.moving_world.crs_name})"

    @property
    def ndim(self) -> int:
        """Dimension of the world: 2."""
        return 2

    def map(self, points: Tensor) -> Tensor:
        """Map points ``(..., 2)`` of fixed's CRS to moving's.

        Raises
        ------
        InputError
            If a point lies where one of the two is not defined.
        """
        project = _transformer(_crs(self.fixed_world), _crs(self.moving_world))
        where = points.detach().double().cpu().numpy()
        x, y = project.transform(*(_column(where[..., axis]) for axis in (0, 1)))
        found = np.stack([np.asarray(x), np.asarray(y)], -1).reshape(where.shape)
        if not np.isfinite(found).all():
            raise InputError(
                f"a point of {self.fixed_world.crs_name} has no place in "
                f"{self.moving_world.crs_name}; the images lie too far apart"
            )
        return torch.from_numpy(found).to(points)

    def inverse(self) -> Reprojection:
        """Return the way back."""
        return Reprojection(self.moving_world, self.fixed_world)


def _column(values: NDArray[np.float64]) -> NDArray[np.float64] | list[float]:
    """Values in a row; a single one as a list, since pyproj would take an array for a number."""
    return values.ravel() if values.size != 1 else values.ravel().tolist()


def _crs(world: World) -> str:
    if world.crs is None:
        raise InputError(f"{world} has no CRS, so that nothing can be reprojected; give one")
    return world.crs


@cache
def _transformer(source: str, target: str) -> Any:
    # PROJ may only use what came with it: no grids from the network.
    network, projector = (
        require(f"pyproj.{name}", extra="geo") for name in ("network", "transformer")
    )
    network.set_network_enabled(False)
    errors = require("pyproj.exceptions", extra="geo")
    try:
        return projector.Transformer.from_crs(source, target, always_xy=True)
    except errors.ProjError as error:
        raise InputError(
            f"PROJ does not know how to get from {source[:60]} to {target[:60]}; give both images "
            "in one CRS"
        ) from error
