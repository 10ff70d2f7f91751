import math

import pytest
import torch

from regkit.losses import MutualInformation


def test_two_equal_halves_share_one_bit():
    image = torch.zeros(1, 4, 6, 8)
    image[:, :2] = 1
    assert float(MutualInformation()(image, image)) == pytest.approx(-math.log(2), abs=1e-6)
    assert float(MutualInformation()(image, 1 - image)) == pytest.approx(-math.log(2), abs=1e-6)


def test_images_without_relation_share_nothing():
    generator = torch.Generator().manual_seed(0)
    one, two = (torch.rand(1, 40, 40, 40, generator=generator) for _ in range(2))
    assert -0.02 < float(MutualInformation(bins=16)(one, two)) <= 0


def test_a_change_of_contrast_keeps_the_information(head):
    image = head.data / head.data.max()
    remapped = 1 - 0.8 * image.sqrt()
    same, other, moved = (
        float(MutualInformation()(image, w)) for w in (image, remapped, image.roll(4, dims=1))
    )
    assert other == pytest.approx(same, rel=0.15)
    assert other < 1.5 * moved


def test_weights_count_like_copies(draw):
    one, two = draw(1, 6, 7, 8), draw(1, 6, 7, 8)
    weight = torch.ones(6, 7, 8)
    weight[:2] = 2
    copied = [torch.cat([x, x[:, :2]], dim=1) for x in (one, two)]
    assert float(MutualInformation()(one, two, weight)) == pytest.approx(
        float(MutualInformation()(*copied)), abs=1e-6
    )


def test_intensities_beyond_the_range_rest_at_its_ends(draw):
    one, two = draw(1, 5, 6, 7), 3 * draw(1, 5, 6, 7) - 1
    value, gradient = MutualInformation().value_and_gradient(one, two, torch.ones(5, 6, 7))
    clamped = float(MutualInformation()(one, two.clamp(0, 1)))
    assert value == pytest.approx(clamped, abs=1e-5)
    assert (gradient[(two < 0) | (two > 1)] == 0).all()
