import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion, distance_transform_edt

from regkit import Grid, InputError, Labels
from regkit.geometry.affines import homogeneous
from regkit.metrics import surface_distances


def cube(grid, start, size=6, value=1, name=""):
    data = torch.zeros(grid.shape, dtype=torch.uint8)
    data[tuple(slice(s, s + size) for s in start)] = value
    return Labels(data, grid, name)


def test_a_cube_against_itself(grid):
    found = surface_distances(cube(grid, (4, 5, 6)), cube(grid, (4, 5, 6)))[1]
    assert (found.mean, found.hd95, found.maximum) == (0, 0, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_shifted_cubes_lie_as_far_apart_as_the_shift(grid, axis):
    shift = np.eye(3, dtype=int)[axis] * 2
    found = surface_distances(cube(grid, (4, 5, 6)), cube(grid, np.array([4, 5, 6]) + shift))[1]
    assert found.maximum == pytest.approx(2 * grid.spacing[axis])
    # A sixth of the surface, more than 5 %, is the face that moved.
    assert found.hd95 == pytest.approx(2 * grid.spacing[axis])
    assert 0 < found.mean < found.hd95


def test_agrees_with_a_distance_transform(grid, parts):
    moved = Labels(parts.data.roll((1, -1, 2), (1, 2, 3)), grid)
    found = surface_distances(parts, moved, values=[2])[2]
    to_b, to_a = directed(parts, moved, 2), directed(moved, parts, 2)
    assert found.mean == pytest.approx(np.concatenate([to_b, to_a]).mean())
    assert found.hd95 == pytest.approx(max(np.percentile(to_b, 95), np.percentile(to_a, 95)))
    assert found.maximum == pytest.approx(max(to_b.max(), to_a.max()))


def directed(a, b, value):
    def surface(labels):
        inside = labels.data[0].numpy() == value
        return inside & ~binary_erosion(inside)

    return distance_transform_edt(~surface(b), sampling=a.grid.spacing)[surface(a)]


def test_sheared_grids_are_measured_in_the_world():
    grid = Grid((8, 8, 1), homogeneous([[1.0, 3.0, 0], [0, 1.0, 0], [0, 0, 1.0]], [0, 0, 0]))
    a, b = cube(grid, (0, 0, 0), size=1), cube(grid, (3, 2, 0), size=1)
    assert surface_distances(a, b)[1].maximum == pytest.approx(np.hypot(9, 2))


def test_grids_may_differ(grid, parts):
    other = parts.reoriented("PSR")
    assert surface_distances(parts, other)[5].maximum == pytest.approx(0, abs=1e-9)


def test_only_common_structures_unless_asked(grid):
    a, b = cube(grid, (4, 5, 6), value=3, name="a.nii.gz"), cube(grid, (4, 5, 6), value=4)
    assert surface_distances(a, b) == {}
    with pytest.raises(InputError, match=r"a.nii.gz: no voxel has label 4.*choose from \[3\]"):
        surface_distances(a, b, values=[4])


def test_other_dimensions_are_refused(grid):
    flat = Labels(torch.ones(4, 4, dtype=torch.uint8), Grid((4, 4), np.eye(3)), "b.png")
    with pytest.raises(InputError, match=r"b.png: 2-D labels have no distance to 3-D labels"):
        surface_distances(cube(grid, (0, 0, 0)), flat)


def test_labels_without_data_have_no_surface():
    data, known = torch.ones(6, 1, dtype=torch.int32), torch.ones(6, 1, dtype=torch.bool)
    known[3:] = False
    data[4] = 9
    holed = Labels(data, np.eye(3), valid=known)
    whole = Labels(torch.tensor([[1], [1], [1], [0], [0], [0]]), np.eye(3))
    assert holed.without_unknown().values == (1,)
    assert surface_distances(holed, whole)[1].maximum == 0
