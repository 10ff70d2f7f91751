import pytest
import torch

from regkit.kernels.histogram import histogram_gradient, joint_histogram

BINS = 16


@pytest.fixture
def images(draw):
    """Fixed, warped (some values beyond 0 and 1) and weights."""
    shape = (6, 7, 8)
    return torch.sigmoid(draw(*shape)), 0.5 + 0.4 * draw(*shape), draw(*shape).abs()


def test_the_loop_counts_as_torch_does(images, on_torch):
    ours = joint_histogram(*images, BINS)
    on_torch()
    torch.testing.assert_close(ours, joint_histogram(*images, BINS), atol=1e-4, rtol=1e-4)


def test_every_voxel_counts_once(images):
    total = images[2].double().sum()
    torch.testing.assert_close(joint_histogram(*images, BINS).sum(), total, rtol=1e-5, atol=0)


def test_the_loops_gradient_is_that_of_torch(images, draw, on_torch):
    table = draw(BINS, BINS).double()
    ours = histogram_gradient(*images, table)
    on_torch()
    theirs = histogram_gradient(*images, table)
    inside = (images[1] > 0) & (images[1] < 1)
    torch.testing.assert_close(ours[inside], theirs[inside], atol=1e-3, rtol=1e-3)
