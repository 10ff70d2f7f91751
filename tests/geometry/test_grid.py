from itertools import permutations, product

import numpy as np
import pytest
import torch

from regkit import Grid, InputError
from regkit.geometry.affines import shear_of

CODES = [
    "".join(letters) for order in permutations(("RL", "AP", "SI")) for letters in product(*order)
]


def test_the_default_grid_is_a_hard_one(grid):
    linear = grid.affine[:3, :3]
    assert np.linalg.det(linear) < 0
    assert np.abs(linear).min() > 0.05
    assert len(set(grid.spacing)) == 3


@pytest.mark.parametrize(
    ("shape", "affine", "said"),
    [
        ((4, 5), np.eye(4), r"2 axes cannot have a \(4, 4\) affine"),
        ((4, 0, 6), np.eye(4), r"\(4, 0, 6\) has an empty axis"),
    ],
)
def test_unusable_grids_are_refused(shape, affine, said):
    with pytest.raises(InputError, match=said):
        Grid(shape, affine)


def test_index_and_world_are_inverse(grid, generator):
    index = torch.rand(100, 3, generator=generator, dtype=torch.float64) * 20
    torch.testing.assert_close(grid.to_index(grid.to_world(index)), index)


def test_world_points_follow_the_affine(grid):
    expected = grid.affine @ [3, 5, 7, 1]
    np.testing.assert_allclose(grid.world_points()[3, 5, 7], expected[:3])


def test_slabs_cover_every_voxel_once(grid):
    slabs = list(grid.slabs(voxels=1500))
    assert len(slabs) > 2
    joined = torch.cat([grid.world_points(rows) for rows in slabs])
    torch.testing.assert_close(joined, grid.world_points())


@pytest.mark.parametrize("codes", CODES)
def test_reoriented_grids_hold_the_same_voxels(grid, codes):
    turned = grid.reoriented(codes)
    assert turned.orientation == codes
    assert _sorted(turned) == _sorted(grid)


@pytest.mark.parametrize("codes", ["RA", "RAX", "RRS", "RLS", "RASP"])
def test_orientations_that_are_none_are_refused(grid, codes):
    with pytest.raises(InputError, match=f"orientation '{codes}' is not one letter of each"):
        grid.reoriented(codes)


def test_resizing_keeps_the_field_of_view(grid):
    np.testing.assert_allclose(_box(grid.with_spacing(2.3)), _box(grid))
    np.testing.assert_allclose(_box(grid.with_shape((5, 61, 20))), _box(grid))
    assert grid.with_shape(grid.shape) == grid


def test_window_keeps_world_positions(grid):
    window = grid.window((2, -3, 4), (10, 40, 5))
    torch.testing.assert_close(window.world_points()[1, 8, 2], grid.world_points()[3, 5, 6])


def test_a_grid_knows_its_size(grid):
    assert grid.voxel_volume == pytest.approx(np.prod(grid.spacing))
    np.testing.assert_allclose(grid.centre, grid.corners().mean(axis=0))
    assert repr(grid) == "Grid(24x28x20, 1.3x1.1x1.9 mm, LAS)"


def test_equal_grids_are_equal_and_hash_alike(grid):
    same = Grid(grid.shape, np.array(grid.affine))
    assert same == grid
    assert hash(same) == hash(grid)
    assert grid != grid.window((1, 0, 0), grid.shape)
    assert grid != "grid"


def test_planes_work_like_spaces():
    plane = Grid((4, 6), [[0.0, -2.0, 5.0], [3.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    assert plane.orientation == "AL"
    assert plane.spacing == (3.0, 2.0)
    assert plane.reoriented("RA").shape == (6, 4)
    assert _sorted(plane.reoriented("RA")) == _sorted(plane)


def _sorted(grid):
    points = grid.world_points().reshape(-1, grid.ndim).numpy().round(6) + 0.0
    return sorted(map(tuple, points.tolist()))


def _box(grid):
    corners = grid.corners()
    return corners[np.lexsort(corners.round(6).T)]


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_straightened_covers_what_a_sheared_grid_sees(grid, flip):
    affine = grid.affine.copy()
    affine[:3, 2] = flip * (affine[:3, 2] + 0.4 * affine[:3, 0] - 0.2 * affine[:3, 1])
    sheared = Grid(grid.shape, affine)
    upright = sheared.straightened()
    assert shear_of(upright.affine) < 1e-12
    np.testing.assert_allclose(upright.centre, sheared.centre, atol=1e-9)
    np.testing.assert_allclose(upright.spacing, sheared.spacing)
    assert upright.orientation == sheared.orientation
    index = upright.to_index(torch.from_numpy(sheared.corners())).numpy()
    assert (index > -0.5 - 1e-5).all()
    assert (index < np.array(upright.shape) - 0.5 + 1e-5).all()
    # No larger than needed: one voxel less along any axis would cut a corner off.
    assert (index.max(axis=0) - index.min(axis=0) > np.array(upright.shape) - 1).all()


def test_straightened_is_the_grid_itself_at_right_angles(grid):
    assert grid.straightened() is grid
