import pytest
import torch

from regkit.losses import dice_loss
from regkit.losses.dice import dice_slope


def test_it_is_one_minus_the_mean_overlap():
    fixed = torch.tensor([[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]])
    warped = torch.tensor([[[1.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]])
    assert float(dice_loss(fixed, warped)) == pytest.approx(1 - (2 / 3 + 1) / 2)


def test_no_overlap_costs_one():
    ones = torch.ones(1, 3, 4, 5)
    assert float(dice_loss(ones, 0 * ones)) == 1


def test_a_mask_leaves_voxels_out(draw):
    fixed, warped = draw(2, 5, 6, 7), draw(2, 5, 6, 7)
    mask = torch.zeros(5, 6, 7, dtype=torch.bool)
    mask[1:4] = True
    expected = dice_loss(fixed[:, 1:4], warped[:, 1:4])
    torch.testing.assert_close(dice_loss(fixed, warped, mask), expected)


def test_its_gradient_is_right(draw):
    fixed = draw(2, 3, 4).double()
    warped = draw(2, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda w: dice_loss(fixed, w), warped)


def test_its_slope_is_that_of_autograd(draw):
    fixed, warped, mask = draw(3, 5, 6, 7).abs(), draw(3, 5, 6, 7).abs(), draw(5, 6, 7).abs()
    leaf = warped.clone().requires_grad_()
    loss = dice_loss(fixed, leaf, mask)
    value, slope = dice_slope(fixed, warped, mask)
    assert value == pytest.approx(float(loss.detach()), rel=1e-5)
    torch.testing.assert_close(slope, torch.autograd.grad(loss, leaf)[0], rtol=1e-4, atol=1e-7)


def test_blurred_maps_that_are_equal_cost_nothing(draw):
    soft = draw(2, 5, 6, 7).abs().clamp(0, 1)
    assert float(dice_loss(soft, soft)) == pytest.approx(0, abs=1e-6)
