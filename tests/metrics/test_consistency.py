import numpy as np
import pytest
import torch
from torch.testing import assert_close

from regkit import Affine, Grid, Labels
from regkit.geometry.affines import homogeneous
from regkit.metrics import inverse_consistency
from regkit.metrics.consistency import thin_grid

SHIFT = Affine(homogeneous(np.eye(3), [0.0, 3.0, 4.0]))


def test_an_inverse_undoes_its_transform(grid, bend):
    errors = inverse_consistency(bend, bend.inverse(), grid)
    assert len(errors) == np.prod(grid.shape)
    assert errors.max() < 0.15


def test_a_wrong_inverse_is_off_by_what_it_misses(grid):
    errors = inverse_consistency(SHIFT, Affine.identity(), grid)
    assert_close(errors, torch.full_like(errors, 5.0))


def test_a_mask_restricts_the_voxels(grid, parts):
    errors = inverse_consistency(SHIFT, SHIFT.inverse(), grid, parts)
    assert len(errors) == int((parts.data > 0).sum())


def test_points_that_leave_moving_do_not_count():
    grid = Grid((4, 4, 4), np.diag([1.0, -1.0, 2.0, 1.0]))
    far = Affine(homogeneous(np.eye(3), [2.0, 0.0, 0.0]))
    assert len(inverse_consistency(far, far.inverse(), grid, moving_grid=grid)) == 32
    beyond = Affine(homogeneous(np.eye(3), [99.0, 0.0, 0.0]))
    assert len(inverse_consistency(beyond, far, grid, moving_grid=grid)) == 0


@pytest.mark.parametrize("limit", [1, 100, 5000])
def test_thinning_keeps_voxels_where_they_are(grid, limit):
    sparse = thin_grid(grid, limit)
    assert np.prod(sparse.shape) <= limit
    index = grid.to_index(sparse.world_points())
    assert_close(index, index.round())


def test_labels_as_masks_on_thinned_grids(grid):
    mask = Labels(torch.ones(grid.shape, dtype=torch.uint8), grid)
    sparse = thin_grid(grid, 500)
    assert len(inverse_consistency(SHIFT, SHIFT, sparse, mask)) == np.prod(sparse.shape)
