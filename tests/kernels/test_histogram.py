import pytest
import torch

from regkit.kernels.histogram import (
    histogram_gradient,
    joint_histogram,
    joint_histogram_reference,
)

BINS = 16


@pytest.fixture(params=[(6, 7, 8), (1, 12, 13)], ids=str)
def images(request, draw):
    """Fixed, warped (some values beyond 0 and 1) and weights."""
    shape = request.param
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


def test_the_gradient_is_the_slope_of_the_sum(images, draw):
    fixed, warped, weight = images
    warped, table = warped.clamp(0.01, 0.99), draw(BINS, BINS).double()
    gradient = histogram_gradient(fixed, warped, weight, table)
    way = draw(*warped.shape).double()
    ends = [
        float((joint_histogram_reference(fixed, warped + step * way, weight, BINS) * table).sum())
        for step in (1e-5, -1e-5)
    ]
    slope = (ends[0] - ends[1]) / 2e-5
    assert float((gradient.double() * way).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.37, 1.0])
def test_windows_lie_around_the_intensity(value):
    image, one = torch.full((1, 1, 1), value), torch.ones(1, 1, 1)
    counts = joint_histogram(image, image, one, BINS)
    position = 1 + value * (BINS - 4)
    knots = torch.arange(BINS).double()
    for axis in (0, 1):  # linear and cubic windows both keep the mean
        assert float((counts.sum(axis) * knots).sum()) == pytest.approx(position, abs=1e-6)


def test_nothing_weighs_nothing(images):
    fixed, warped, weight = images
    assert (joint_histogram(fixed, warped, 0 * weight, BINS) == 0).all()
