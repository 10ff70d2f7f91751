import pytest
import torch

from regkit.kernels.parity import depth_to_space, space_to_depth

SHAPES = [(4, 6), (5, 3), (4, 6, 2), (5, 1, 7)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_there_and_back(shape):
    images = torch.rand(2, 3, *shape)
    blocks = space_to_depth(images)
    assert tuple(blocks.shape) == (2, 3 * 2 ** len(shape), *((n + 1) // 2 for n in shape))
    assert torch.equal(depth_to_space(blocks, 3, shape), images)


def test_more_channels_than_are_wanted_are_left_out():
    images = torch.rand(2, 3, 5, 1, 7)
    blocks = space_to_depth(images)
    wide = torch.cat([blocks, blocks[:, :1]], dim=1)
    assert torch.equal(depth_to_space(wide, 3, (5, 1, 7)), images)


def test_the_first_parity_is_of_the_first_axis():
    image = torch.zeros(1, 1, 2, 2, 2)
    image[0, 0, 1, 0, 0] = 1
    assert space_to_depth(image).flatten().tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
