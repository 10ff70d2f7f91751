import numpy as np
import pytest
import torch

from regkit import Grid, Volume
from regkit.report.slices import cut_plane, overlap_share, planes


def marked(grid):
    """A block of foreground whose corner towards right, anterior, superior is brightest."""
    index = grid.to_index(grid.world_points())
    world = grid.world_points() - torch.from_numpy(grid.centre)
    inside = ((index > 2) & (index < torch.tensor(grid.shape) - 3)).all(-1)
    return Volume(torch.where(inside, 100 + world.sum(-1), 0.0).float(), grid, "block")


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LIA", "PSR"])
def test_radiological_whatever_the_storage(grid, codes):
    view = planes(marked(grid).reoriented(codes))
    assert [plane.name for plane in view] == ["axial", "coronal", "sagittal"]
    assert [plane.letters for plane in view] == [
        ("R", "L", "A", "P"), ("R", "L", "S", "I"), ("A", "P", "S", "I"),
    ]  # fmt: skip
    for plane in view:
        image = cut_plane(marked(grid).reoriented(codes), plane)
        rows, columns = np.nonzero(image)
        brightest = np.unravel_index(image.argmax(), image.shape)
        # Towards the first two letters: right or anterior at the left, anterior or superior on top.
        assert brightest[1] - columns.min() < columns.max() - brightest[1]
        assert brightest[0] - rows.min() < rows.max() - brightest[0]


def test_storage_order_changes_no_pixel(grid):
    first, second = marked(grid), marked(grid).reoriented("PSR")
    for a, b in zip(planes(first), planes(second), strict=True):
        np.testing.assert_allclose(cut_plane(first, a), cut_plane(second, b), atol=1e-3)


def test_slices_go_through_the_middle_of_the_foreground():
    grid = Grid((40, 30, 20), np.diag([-1.0, 1.0, 2.0, 1.0]))
    data = torch.zeros(grid.shape)
    data[4:11, 10:15, 12:17] = 1
    volume = Volume(data, grid)
    for plane, middle in zip(planes(volume), (28.0, 12.0, -7.0), strict=True):
        normal = {"axial": 2, "coronal": 1, "sagittal": 0}[plane.name]
        assert plane.points[..., normal].unique().item() == pytest.approx(middle)


def test_sizes_are_in_the_world(grid):
    axial = planes(marked(grid))[0]
    wanted = [n * s for n, s in zip(grid.shape, grid.spacing, strict=True)]
    assert sorted(axial.size) == pytest.approx(sorted(wanted[:2]))


def test_large_slices_are_thinned():
    grid = Grid((1500, 40), np.eye(3))
    (plane,) = planes(Volume(torch.zeros(grid.shape), grid))
    assert plane.grid.shape == (512, 40)
    assert plane.size == pytest.approx((1500, 40))


def test_two_dimensions_show_x_to_the_right_and_y_up():
    grid = Grid((3, 2), np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    (plane,) = planes(Volume(torch.arange(6.0).reshape(3, 2), grid))
    assert cut_plane(Volume(torch.arange(6.0).reshape(3, 2), grid), plane).tolist() == [
        [0, 1], [2, 3], [4, 5],
    ]  # fmt: skip


def test_shares_of_the_view():
    grid = Grid((8, 8), np.eye(3))
    view = planes(Volume(torch.zeros(8, 8), grid))
    half = Volume(torch.zeros(8, 8), grid.window((4, 0), (8, 8)))
    assert overlap_share(half, view) == pytest.approx(0.5)
