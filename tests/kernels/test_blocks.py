import pytest
import torch

from regkit.kernels.blocks import block_distances

SHIFTS = [(0, 0, 0), (0, 3, -2), (-4, 0, 4), (1, -1, 0)]


@pytest.mark.parametrize("size", [(2, 3, 3), (1, 9, 4), (3, 4, 5)])
def test_the_loop_measures_as_torch_does(draw, on_torch, size):
    fixed, moving = draw(5, 7, 9, 11), draw(5, 7, 9, 11)
    weight = draw(7, 9, 11).sigmoid()
    found = block_distances(fixed, moving, weight, SHIFTS, size)
    on_torch()
    expected = block_distances(fixed, moving, weight, SHIFTS, size)
    assert found.shape == (4, 7 // size[0], 9 // size[1], 11 // size[2])
    torch.testing.assert_close(found, expected)


def test_a_block_is_nearest_where_it_came_from(draw):
    image = draw(2, 8, 8, 8)
    moved = image.roll((1, -1), dims=(1, 2))
    found = block_distances(image, moved, torch.ones(8, 8, 8), [(0, 0, 0), (1, -1, 0)], (4, 4, 4))
    assert found[1, 0, 1, 0] == 0
    assert (found[0] > 1).all()
