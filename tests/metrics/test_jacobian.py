import numpy as np
import pytest
import torch
from torch.testing import assert_close

from regkit import Affine, DisplacementField, Grid, InputError, Labels, Volume
from regkit.geometry.affines import homogeneous
from regkit.metrics import folding, jacobian, log_jacobian_sd

MATRIX = homogeneous([[1.1, 0.2, -0.1], [0.05, 0.8, 0.3], [-0.2, 0.1, 1.3]], [5.0, -3.0, 1.0])


def test_an_affine_has_its_determinant_everywhere(grid):
    found = jacobian(Affine(MATRIX), grid)
    assert found.grid == grid
    assert found.data.dtype == torch.float32
    assert_close(found.data, torch.full_like(found.data, np.linalg.det(MATRIX)))


def test_identity_is_one_on_either_handedness(grid):
    for codes in ("LAS", "RAS"):
        found = jacobian(Affine.identity(), grid.reoriented(codes)).data
        assert_close(found, torch.ones_like(found))


def test_storage_order_does_not_matter(grid, bend):
    stored = jacobian(bend, grid.reoriented("PSR"))
    assert_close(stored.reoriented(grid.orientation).data, jacobian(bend, grid).data)


def test_slabs_leave_no_seams(grid, bend, monkeypatch):
    whole = jacobian(bend, grid)
    thin = [slice(i, i + 1) for i in range(grid.shape[0])]
    monkeypatch.setattr(Grid, "slabs", lambda self, voxels=0: iter(thin))
    assert torch.equal(jacobian(bend, grid).data, whole.data)


def test_an_analytic_stretch():
    grid = Grid((40, 4, 4), np.diag([-0.1, 1.0, 2.0, 1.0]))
    points = grid.world_points().movedim(-1, 0)
    u = torch.zeros_like(points)
    u[0] = 0.3 * torch.sin(points[0])
    found = jacobian(DisplacementField(u, grid), grid).data[0]
    wanted = 1 + 0.3 * torch.cos(points[0])
    assert_close(found[1:-1].double(), wanted[1:-1], atol=1e-3, rtol=0)


def test_a_grid_of_one_slice():
    grid = Grid((5, 6, 1), np.diag([1.0, -1.0, 4.0, 1.0]))
    found = jacobian(Affine(MATRIX), grid)
    assert found.grid == grid
    assert_close(found.data, torch.full_like(found.data, np.linalg.det(MATRIX)))


def test_two_dimensions():
    grid = Grid((5, 6), np.array([[0.0, -2.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    found = jacobian(Affine(np.diag([3.0, 0.5, 1.0])), grid)
    assert_close(found.data, torch.full_like(found.data, 1.5))


def test_other_dimensions_are_refused(grid):
    with pytest.raises(InputError, match="2-D transform has no Jacobian on a 3-D grid"):
        jacobian(Affine.identity(2), grid)


@pytest.fixture
def folded():
    """Mirrored along x in rows 3..6 of ten: u falls by two voxels a voxel there."""
    grid = Grid((10, 4, 4), np.diag([-2.0, 1.0, 1.0, 1.0]))
    step = torch.tensor([0.0, 0, 0, 0, -2, -4, -6, -6, -6, -6]) * -2.0
    u = torch.zeros(3, *grid.shape)
    u[0] = step[:, None, None]
    return jacobian(DisplacementField(u, grid), grid)


def test_folding_counts_the_folded_voxels(folded):
    # Central differences: rows 3 to 6 see a slope of -1, -2, -2 and -1 voxels a voxel.
    assert_close(folded.data[0, :, 0, 0], torch.tensor([1.0, 1, 1, 0, -1, -1, 0, 1, 1, 1]))
    assert folding(folded) == pytest.approx(0.4)


def test_folding_inside_a_mask_on_another_grid(folded):
    front = folded.grid.window((0, 0, 0), (5, 4, 4)).with_shape((10, 4, 4))
    mask = Labels(torch.ones(front.shape, dtype=torch.uint8), front)
    assert folding(folded, mask) == pytest.approx(0.4)
    assert folding(folded, Volume((folded.data > 0).float(), folded.grid)) == 0


def test_what_is_not_a_number_counts_as_folded(grid):
    data = torch.ones(grid.shape)
    data[0, 0, 0] = torch.nan
    assert folding(Volume(data, grid)) == pytest.approx(1 / np.prod(grid.shape))


def test_masks_that_cover_nothing_are_refused(folded):
    empty = Volume(torch.zeros(folded.grid.shape), folded.grid, "mask.nii.gz")
    with pytest.raises(InputError, match=r"mask.nii.gz: no voxel above 0 lies on"):
        folding(folded, empty)


def test_masks_of_another_dimension_are_refused(folded):
    flat = Volume(torch.ones(4, 4), Grid((4, 4), np.eye(3)), "mask.png")
    with pytest.raises(InputError, match=r"mask.png: the mask has 2 axes and the grid 3"):
        folding(folded, flat)


def test_log_jacobian_sd(grid):
    data = torch.ones(grid.shape)
    data[:12] = np.e
    assert log_jacobian_sd(Volume(data, grid)) == pytest.approx(0.5, abs=1e-6)
    assert log_jacobian_sd(Volume(data, grid), Volume(data - 1, grid)) == pytest.approx(0, abs=1e-6)
    data[:12] = -1
    assert log_jacobian_sd(Volume(data, grid)) == pytest.approx(np.log(1000) / 2, rel=1e-5)
