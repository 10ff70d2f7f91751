import math

import numpy as np
import pytest
import torch

from regkit.kernels.windows import (
    box_mean,
    box_sum,
    gradient_reference,
    lncc_gradient,
    lncc_reference,
    local_correlation,
    window_weight,
)


@pytest.fixture(params=[(8, 9, 10), (1, 9, 10)], ids=str)
def images(request, draw):
    """Fixed, warped and a mask with a hole."""
    fixed, noise = torch.sigmoid(draw(*request.param)), torch.sigmoid(draw(*request.param))
    weight = torch.ones(request.param)
    weight[:, :3, 4:] = 0
    return fixed, 0.6 * fixed + 0.4 * noise, weight


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize(("radius", "stride"), [(1, 1), (3, 1), (3, 2), (4, 3), (7, 4)])
def test_the_loop_correlates_as_torch_does(images, radius, stride, squared, on_torch):
    value, force = lncc_gradient(*images, radius, squared=squared, stride=stride)
    assert 0 < value < 1
    on_torch()
    same, expected = lncc_gradient(*images, radius, squared=squared, stride=stride)
    assert value == pytest.approx(same, abs=1e-5)
    torch.testing.assert_close(force, expected, atol=1e-6, rtol=1e-3)


def test_what_is_below_the_floor_hardly_correlates(images, on_torch):
    fixed, _, weight = images
    given = fixed, fixed, weight, 2
    floor = 10 * float(fixed.var())
    value, force = lncc_gradient(*given, squared=True, floor=floor)
    assert value > 0.98
    on_torch()
    same, expected = lncc_gradient(*given, squared=True, floor=floor)
    assert value == pytest.approx(same, abs=1e-5)
    torch.testing.assert_close(force, expected, atol=1e-7, rtol=1e-3)


def test_the_mean_of_local_correlation_is_what_the_loop_finds(images):
    weight = images[2]
    value, _ = lncc_gradient(*images, 2, squared=False)
    mean = (weight * local_correlation(*images, 2)).sum() / weight.sum()
    assert value == pytest.approx(1 - float(mean), abs=1e-5)


def test_an_image_is_like_itself(images):
    fixed, _, weight = images
    value, _ = lncc_gradient(fixed, 2 * fixed + 1, weight, 2, squared=False)
    assert value == pytest.approx(0, abs=0.01)


def test_what_the_mask_hides_does_not_count(images):
    fixed, warped, weight = images
    value, force = lncc_gradient(fixed, warped, weight, 2, squared=True)
    other = torch.where(weight > 0, warped, torch.full_like(warped, 0.9))
    same, _ = lncc_gradient(fixed, other, weight, 2, squared=True)
    assert value == pytest.approx(same, abs=1e-6)
    assert (force[weight == 0] == 0).all()


def test_windows_end_at_the_border():
    ones = torch.ones(1, 5, 6, 7)
    sums = box_sum(ones, 1)[0]
    assert (sums[0, 0, 0], sums[2, 0, 0], sums[2, 2, 2]) == (8, 12, 27)


def test_no_weight_is_no_error(images):
    fixed, warped, weight = images
    value, force = lncc_gradient(fixed, warped, 0 * weight, 2, squared=True)
    assert np.isfinite(value)
    assert (force == 0).all()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("squared", [False, True])
def test_the_force_is_the_slope_of_the_value(images, squared, stride, draw):
    fixed, warped, weight = images
    asked = {"squared": squared, "stride": stride}
    _, force = lncc_gradient(fixed, warped, weight, 3, **asked)
    way = draw(*warped.shape).double()
    ends = [
        float(lncc_reference(fixed.double(), w, weight.double(), 3, **asked))
        for w in (warped + 1e-5 * way, warped - 1e-5 * way)
    ]
    slope = (ends[0] - ends[1]) / 2e-5
    assert float((force.double() * way).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_weights_may_be_fractions(images, draw, on_torch):
    fixed, warped, weight = images
    weight = weight * torch.sigmoid(draw(*weight.shape))
    value, force = lncc_gradient(fixed, warped, weight, 2, squared=False)
    on_torch()
    same, expected = lncc_gradient(fixed, warped, weight, 2, squared=False)
    assert value == pytest.approx(same, abs=1e-5)
    torch.testing.assert_close(force, expected, atol=1e-6, rtol=2e-3)


def test_windows_may_be_wider_than_the_image(draw, on_torch):
    fixed, warped = torch.sigmoid(draw(3, 9, 4)), torch.sigmoid(draw(3, 9, 4))
    value, force = lncc_gradient(fixed, warped, torch.ones(3, 9, 4), 4, squared=True)
    on_torch()
    same, expected = lncc_gradient(fixed, warped, torch.ones(3, 9, 4), 4, squared=True)
    assert value == pytest.approx(same, abs=1e-5)
    torch.testing.assert_close(force, expected, atol=1e-6, rtol=2e-3)


def test_a_slice_correlates_as_a_plane(draw):
    fixed, warped = torch.sigmoid(draw(1, 9, 10)), torch.sigmoid(draw(1, 9, 10))
    weight = torch.ones(1, 9, 10)
    value, _ = lncc_gradient(fixed, warped, weight, 2, squared=True)
    plane = lncc_reference(fixed[0], warped[0], weight[0], 2, squared=True)
    assert value == pytest.approx(float(plane), abs=1e-5)


@pytest.mark.parametrize("shape", [(9, 8, 7), (12, 3), (1, 5, 2)])
@pytest.mark.parametrize("radius", [1, 3, 9])
def test_means_are_sums_over_the_voxels_that_are_there(shape, radius):
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    wanted = box_sum(images, radius) / box_sum(torch.ones(1, *shape), radius)
    assert torch.allclose(box_mean(images, [radius] * len(shape)), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("radius", "stride"),
    [(0, 1), (1, 1), (3, 1), (12, 1), (12, 8), (4, 3), (4, 4), (2, 7)],  # some wider than a third
)
def test_any_radius_gives_what_the_reference_does(radius, stride):
    generator = torch.Generator().manual_seed(0)
    fixed, warped = torch.rand(2, 9, 7, 10, generator=generator)
    weight = torch.ones(9, 7, 10)
    given = fixed, warped, weight, radius
    found, gradient = lncc_gradient(*given, squared=True, stride=stride)
    expected, reference = gradient_reference(*given, squared=True, stride=stride)
    assert found == pytest.approx(expected, abs=1e-6)
    assert torch.allclose(gradient, reference, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "stride", "middles"),
    [((1, 9), 3, [(0, 1), (0, 4), (0, 7)]), ((2, 4), 3, [(0, 0), (0, 3)]), ((5,), 2, [0, 2, 4])],
)
def test_each_voxel_counts_for_the_window_that_is_nearest(shape, stride, middles):
    found = window_weight(torch.ones(shape), stride)
    assert found.sum() == math.prod(shape)
    assert [tuple(at) if len(shape) > 1 else at[0] for at in found.nonzero().tolist()] == middles


def test_windows_apart_see_every_voxel_of_a_thin_mask(images):
    """A sheet that lies between the middles of windows counts as much as one that does not."""
    fixed, warped, _ = images
    for at in range(fixed.shape[1]):
        sheet = torch.zeros_like(fixed)
        sheet[:, at] = 1
        value, force = lncc_gradient(fixed, warped, sheet, 4, squared=True, stride=3)
        assert 0 < value < 1
        assert force[:, at].any()


@pytest.mark.parametrize(("radius", "stride"), [(2, 1), (4, 3)])
def test_slices_whose_boxes_lie_apart_hold_nothing_of_each_other(radius, stride):
    """Memory that others have left full of NaN is read nowhere."""
    generator = torch.Generator().manual_seed(0)
    fixed, warped = torch.rand(2, 12, 20, 24, generator=generator)
    weight = torch.zeros(12, 20, 24)
    for number in range(12):
        weight[number, number : number + 3, 2 * (11 - number) :][:, :3] = 1
    given = fixed, warped, weight, radius
    _, reference = gradient_reference(*given, squared=True, stride=stride)
    for size in (10_000, 30_000, 100_000):
        used = [torch.full((size,), torch.nan) for _ in range(20)]
        del used
        _, gradient = lncc_gradient(*given, squared=True, stride=stride)
        assert torch.allclose(gradient, reference, atol=1e-5)
        assert not gradient[weight == 0].any()
