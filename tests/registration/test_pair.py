import numpy as np
import pytest
import torch

from regkit import Grid, Volume
from regkit.losses import MIND, MSE
from regkit.registration.check import as_mask
from regkit.registration.pair import at_spacing, coarser, level, pair_of
from regkit.registration.preparation import prepared_side
from regkit.registration.prepared import is_truncated
from regkit.volume import Labels


def test_images_are_canonical_and_between_zero_and_one(head, bent, paired):
    pair = paired(head, bent)
    for image in (pair.fixed, pair.moving):
        assert image.grid.orientation == "RAS"
        assert image.data.aminmax() == (0, 1)
    assert not pair.planar
    assert pair.moving_region is None
    assert (pair.scope.data > 0).all()


def test_the_surroundings_count_unless_the_field_of_view_cuts_the_body(head, bent, paired):
    inner = paired(head, bent).region
    assert not is_truncated(inner)
    whole = inner.with_data(torch.ones_like(inner.data))
    assert is_truncated(whole)
    half = torch.ones(1, 1, 20, 20, dtype=torch.uint8)
    half[:, :, 10:] = 0  # a lifted 2-D image: its single slice is no border
    assert is_truncated(Labels(half, inner.grid.window([0, 0, 0], [1, 20, 20])))
    half[:, :, :, [0, -1]] = half[:, :, [0]] = 0
    assert not is_truncated(Labels(half, inner.grid.window([0, 0, 0], [1, 20, 20])))


def test_masks_follow_their_images(head, bent, parts, paired):
    mask = as_mask(parts, head)
    pair = paired(head, bent, fixed_mask=mask)
    assert pair.region is pair.scope
    assert int(pair.region.data.sum()) == int(mask.data.sum())
    free = paired(head, bent)
    assert np.prod(pair.grid.shape) <= np.prod(free.grid.shape)


def test_a_level_has_the_spacing_that_is_asked_for(head, bent, paired):
    pair = paired(head, bent)
    at = level(pair, at_spacing(pair.grid, 4.0), MSE(), pair.region)
    assert np.allclose(at.grid.spacing, 4.0, rtol=0.15)
    assert np.allclose(at.moving_grid.spacing, 4.0, rtol=0.15)
    assert at.fixed.shape == (1, *at.grid.shape)
    assert at.weight.shape == at.grid.shape
    assert set(at.weight.unique().tolist()) == {0, 1}
    assert level(pair, at.grid, MIND(), pair.region).fixed.shape == (12, *at.grid.shape)


def test_the_matrix_of_a_level_goes_from_index_to_index(head, bent, paired, turn):
    pair = paired(head, bent)
    at = level(pair, coarser(pair.grid, 2), MSE(), pair.region)
    index = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    expected = at.moving_grid.to_index(turn(at.grid.to_world(index)))
    matrix = at.matrix(turn.matrix)
    found = index.numpy() @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-9)


def test_a_grid_is_made_coarser_only_where_it_is_finer(grid):
    assert at_spacing(grid, 1.0) is grid
    out = at_spacing(grid, 1.6)  # spacings 1.3, 1.1, 1.9
    assert out.shape[2] == grid.shape[2]
    assert out.shape[0] < grid.shape[0]


@pytest.mark.parametrize("side", [8, 16, 24, 64, 112])
def test_a_small_image_makes_no_large_working_grid(side):
    """Where a body has few voxels the unit shrinks with their number, and the margin with it."""
    axis = torch.linspace(-1, 1, side)
    ball = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 < 0.8).float()
    image = Volume(ball[None], Grid((side,) * 3, np.diag([-0.1, 0.1, 0.1, 1])), "ball")
    prepared, cpu = prepared_side(image, image, None, "auto"), torch.device("cpu")
    pair = pair_of(prepared.straight, prepared, multiple=4, max_voxels=16_000_000, device=cpu)
    assert max(pair.grid.shape) <= side + 2 * 3 + 4  # two margins of a quarter voxel x 8, rounded
