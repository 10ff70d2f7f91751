import math

import pytest
import torch
from scipy import ndimage

from regkit.kernels.smoothing import gaussian, gaussian_taps


@pytest.mark.parametrize("zero", [False, True])
def test_the_loop_smooths_as_torch_does(shape, draw, on_torch, zero):
    image = draw(2, *shape)
    sigma = [1.3, 0.05, 2.1][: len(shape)]
    ours = gaussian(image, sigma, zero=zero)
    on_torch()
    torch.testing.assert_close(ours, gaussian(image, sigma, zero=zero), atol=1e-5, rtol=1e-5)


def test_axes_of_one_voxel_are_left_alone(draw):
    image = draw(1, 6, 1, 7)
    torch.testing.assert_close(gaussian(image, [0, 2.0, 0], zero=True), image)


@pytest.mark.parametrize(("zero", "mode"), [(False, "nearest"), (True, "constant")])
def test_it_is_the_gaussian_of_scipy(draw, zero, mode):
    image = draw(12, 14, 9)
    ours = gaussian(image[None], 1.4, zero=zero)[0]
    theirs = ndimage.gaussian_filter(image.numpy(), 1.4, radius=math.ceil(3 * 1.4), mode=mode)
    torch.testing.assert_close(ours, torch.from_numpy(theirs), atol=1e-5, rtol=1e-5)


def test_narrow_axes_are_left_alone(draw):
    image = draw(1, 5, 6, 7)
    torch.testing.assert_close(gaussian(image, 0.05), image)
    assert gaussian_taps(0.05) == (1.0,)


def test_taps_sum_to_one():
    assert sum(gaussian_taps(2.3)) == pytest.approx(1)


def test_it_is_differentiable(draw):
    image = draw(1, 6, 7).requires_grad_()
    gaussian(image, 1.0).square().sum().backward()
    assert image.grad.abs().sum() > 0


def test_integers_become_float():
    assert gaussian(torch.ones(1, 4, 4, dtype=torch.int16), 1.0).dtype is torch.float32
