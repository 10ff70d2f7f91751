import numpy as np
import pytest
import torch

from regkit import Grid, Labels
from regkit.preprocess.box import working_grid
from regkit.registration.canonical import canonical

FREE = {"margin": 5.0, "multiple": 4, "max_voxels": 10**9}


@pytest.fixture
def region(parts):
    """The head as it comes to the box: canonical, oblique, anisotropic."""
    body = Labels((parts.data > 0).to(torch.uint8), parts.grid)
    return canonical(body)


def _spread(grid):
    return max(grid.spacing) / min(grid.spacing)


@pytest.mark.parametrize("multiple", [1, 2, 4, 8])
def test_levels_nest(region, multiple):
    grid = working_grid(region, region.grid, **{**FREE, "multiple": multiple})
    assert all(n % multiple == 0 for n in grid.shape)


@pytest.mark.parametrize("margin", [0.0, 5.0, 10.0])
def test_the_region_and_its_margin_lie_inside(region, margin):
    grid = working_grid(region, region.grid, **{**FREE, "margin": margin})
    body = region.grid.world_points()[region.data[0] > 0]
    index = grid.to_index(body)
    room = torch.tensor([margin / s for s in grid.spacing], dtype=torch.float64)
    size = torch.tensor(grid.shape, dtype=torch.float64)
    assert (index >= -0.5 + room - 1e-6).all()
    assert (index <= size - 0.5 - room + 1e-6).all()


def test_voxels_are_nearly_cubes_along_the_axes_of_the_image(region):
    grid = working_grid(region, region.grid, **FREE)
    assert _spread(grid) < 1.05
    mean = np.prod(region.grid.spacing) ** (1 / 3)
    assert grid.spacing == pytest.approx([mean] * 3, rel=0.02)
    turn = region.grid.inverse_affine[:3, :3] @ grid.affine[:3, :3]
    np.testing.assert_allclose(turn, np.diag(np.diag(turn)), atol=1e-9)


def test_isotropic_voxels_are_kept_as_they_are():
    mask = torch.zeros(20, 22, 24, dtype=torch.uint8)
    mask[5:15, 6:16, 7:17] = 1
    region = Labels(mask, Grid(mask.shape, np.diag([1.5, 1.5, 1.5, 1.0])))
    grid = working_grid(region, region.grid, **FREE)
    index = region.grid.to_index(grid.world_points())
    torch.testing.assert_close(index, index.round())


def test_voxels_finer_than_moving_can_fill_are_not_taken(region):
    coarse = region.grid.with_spacing(8.0)
    grid = working_grid(region, coarse, **FREE)
    mean = np.prod(coarse.spacing) ** (1 / 3)
    assert grid.spacing == pytest.approx([mean / 2] * 3, rel=0.02)


def test_a_limit_on_voxels_makes_them_coarser(region):
    grid = working_grid(region, region.grid, **{**FREE, "multiple": 1, "max_voxels": 2000})
    assert 1000 < np.prod(grid.shape) < 1.35 * 2000  # axes are rounded up
    assert _spread(grid) < 1.05


def test_a_lifted_plane_stays_one_slice():
    mask = torch.zeros(30, 40, dtype=torch.uint8)
    mask[8:20, 10:30] = 1
    region = canonical(Labels(mask, Grid((30, 40), np.diag([-2.0, 1.0, 1.0]))))
    grid = working_grid(region, region.grid, **FREE)
    assert grid.shape[0] == 1
    assert grid.spacing == pytest.approx([1.0, 2**0.5, 2**0.5], rel=0.02)
    assert all(n % 4 == 0 for n in grid.shape[1:])
