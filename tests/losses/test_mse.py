import torch
from torch.testing import assert_close

from regkit.losses import MSE


def test_it_is_the_mean_over_channels_and_weight(draw):
    fixed, warped, weight = draw(3, 4, 5), draw(3, 4, 5), draw(4, 5)
    expected = (weight * (fixed - warped) ** 2).sum() / (3 * weight.sum())
    assert_close(MSE()(fixed, warped, weight), expected)
    value, _ = MSE().value_and_gradient(fixed, warped, weight)
    assert_close(torch.tensor(value), expected)
