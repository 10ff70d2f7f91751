"""Balls and bricks in the world, on grids that differ in spacing, orientation and handedness."""

import numpy as np
import pytest
import torch

from foundation.prompts import Prompts
from regkit import Grid, Volume
from regkit.geometry.affines import homogeneous, rotation

CENTRE = np.array([21.3, -13.6, 4.2])
OBLIQUE = (0.2, -0.15, 0.3)


def ball_mask(radius=9.0, spacing=(1.3, 1.1, 1.9), *, angles=OBLIQUE, room=14.0, offset=(0, 0, 0)):
    """The mask of a ball, by default on an oblique, anisotropic, left-handed grid."""
    grid = _grid_around(spacing, angles, radius + room)
    away = grid.world_points() - torch.from_numpy(CENTRE + np.array(offset))
    return Volume((away.norm(dim=-1) <= radius)[None].to(torch.uint8), grid, "ball")


def _grid_around(spacing, angles, reach):
    """A grid of ``reach`` mm about CENTRE on each side, left-handed, off the middle of a voxel."""
    shape = [int(2 * reach / step) + 1 for step in spacing]
    linear = rotation(list(angles)) @ np.diag(spacing) @ np.diag([-1, 1, 1])
    start = CENTRE - linear @ ((np.array(shape) - 1) / 2 + [0.13, 0.29, 0.21])
    return Grid(tuple(shape), homogeneous(linear, start))


@pytest.fixture(scope="session")
def ball():
    return ball_mask


@pytest.fixture(scope="session")
def brick(grid):
    """A brick of 8 x 10 x 6 voxels on the grid that most tests start from."""
    data = torch.zeros(1, *grid.shape, dtype=torch.uint8)
    data[0, 8:16, 9:19, 7:13] = 1
    return Volume(data, grid, "brick")


@pytest.fixture
def draw():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def prompts_of():
    return lambda mask: Prompts(mask=mask)


@pytest.fixture(scope="session")
def centroid():
    return lambda mask: mask.grid.to_world(torch.nonzero(mask.data[0]).double().mean(dim=0))


@pytest.fixture(scope="session")
def half_diagonal():
    return lambda mask: float(np.linalg.norm(mask.spacing)) / 2
