"""A pair of which one grid is sheared: the truth is known, and found as if it were not."""

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, Labels, Volume
from regkit.geometry.affines import homogeneous
from regkit.registration.pipeline import register
from regkit.resample import straighten
from tests.conftest import structure

SHEARS = {"tilted gantry": (1, 2), "skewed slices": (0, 1)}


@pytest.fixture(params=SHEARS)
def sheared(request, grid):
    """The head's formula at the voxels of a sheared grid around the same centre."""
    across, along = SHEARS[request.param]
    linear = grid.affine[:3, :3].copy()
    linear[:, along] += 0.35 * linear[:, across]
    # As large as the head's own: what another field of view does to intensities is no matter of
    # shear.
    start = grid.centre - linear @ ((np.array(grid.shape) - 1) / 2)
    place = Grid(grid.shape, homogeneous(linear, start))
    return Volume(structure(place).float(), place, "sheared.nii")


def found(fixed, moving, quick, **options):
    return register(fixed, moving, config=quick, **{"transform": "rigid", **options})


def test_a_sheared_moving_image_comes_back(head, sheared, error, quick):
    result = found(head, sheared, quick)
    assert error(result.transform, Affine.identity()) < 0.1
    assert result.moving is sheared


def test_a_sheared_fixed_image_comes_back(head, sheared, error, quick):
    result = found(sheared, head, quick)
    assert error(result.transform, Affine.identity()) < 0.1
    assert result.fixed.grid == result.warped.grid == sheared.grid.straightened()


def test_a_bend_is_found_from_a_sheared_fixed_image(sheared, bent, bend, error, quick):
    result = found(sheared, bent, quick, transform="deformable")
    assert error(result.transform, bend) < 0.4 * error(Affine.identity(), bend)
    assert result.jacobian.grid == sheared.grid.straightened()


def test_a_mask_goes_with_its_image(head, sheared, quick):
    mask = Labels((sheared.data > 5).to(torch.uint8), sheared.grid)
    result = found(sheared, head, quick, fixed_mask=mask, moving_mask=None)
    assert result.fixed.grid == sheared.grid.straightened()


def test_straightened_is_the_same_image(sheared):
    upright = straighten(sheared, outside=-7.0)
    inside = upright.data > -7
    truth = structure(upright.grid).float()[None]
    assert (upright.data - truth)[inside].abs().quantile(0.99) < 2.5
    assert (~inside).any()
    assert straighten(upright) is upright
