"""Several channels: every similarity compares each with its own, and adds them up by weight."""

from typing import ClassVar

import pytest
import torch
from torch.testing import assert_close

from regkit.losses import MSE, ChannelSum
from regkit.losses.channels import over_channels

SHARES = (0.5, 0.2, 0.3)


@pytest.fixture
def images(draw):
    """Fixed, warped and a weight with a hole, ``(3, *spatial)`` and ``(*spatial)``."""
    fixed = draw(3, 7, 8, 9)
    weight = torch.ones(7, 8, 9)
    weight[:, :3, 5:] = 0
    return fixed, 0.5 * fixed + 0.5 * draw(3, 7, 8, 9), weight


@pytest.fixture
def summed(similarity):
    return ChannelSum(similarity, SHARES)


@pytest.fixture
def features(summed, images):
    fixed, warped, weight = images
    return summed.features(fixed), summed.features(warped), weight


def test_it_is_the_weighted_sum_of_the_channels(similarity, summed, images):
    fixed, warped, weight = images
    parts = [similarity(f[None], w[None], weight) for f, w in zip(fixed, warped, strict=True)]
    expected = sum(share * part for share, part in zip(SHARES, parts, strict=True))
    assert_close(summed(fixed, warped, weight), expected)


def test_value_and_gradients_agree(summed, features):
    value, gradient = summed.value_and_gradient(*features)
    assert summed.value(*features) == pytest.approx(value, abs=1e-6)
    also, same, by_weight = summed.value_and_gradients(*features, features[2])
    assert also == pytest.approx(value, abs=1e-6)
    assert_close(same, gradient)
    if not summed.informs:
        assert_close(by_weight, torch.full_like(by_weight, value))


def test_the_gradient_is_that_of_finite_differences(summed, features, draw):
    fixed, warped, weight = features
    _, gradient = summed.value_and_gradient(fixed, warped, weight)
    way = draw(*warped.shape).double() - 0.5
    far, near = (
        float(summed.compare(fixed.double(), warped.double() + step * way, weight.double()))
        for step in (1e-5, -1e-5)
    )
    slope = (far - near) / 2e-5
    assert float((gradient.double() * way).sum()) == pytest.approx(slope, rel=2e-3, abs=1e-6)


def test_the_slope_by_weight_is_the_sum_of_those_of_the_channels(similarity, summed, features):
    fixed, warped, weight = features
    _, _, by_weight = summed.value_and_gradients(fixed, warped, weight, weight)
    parts = [
        similarity.value_and_gradients(f, w, weight, weight)[2]
        for f, w in zip(fixed.chunk(3), warped.chunk(3), strict=True)
    ]
    expected = sum(share * part for share, part in zip(SHARES, parts, strict=True))
    assert_close(by_weight, expected)


def test_one_channel_is_the_similarity_itself(similarity):
    assert over_channels(similarity, (1.0,)) is similarity


def test_the_sum_over_one_channel_is_the_same_to_the_bit(similarity, images):
    fixed, warped, weight = (images[0][:1], images[1][:1], images[2])
    alone = ChannelSum(similarity, (1.0,))
    features = similarity.features(fixed), similarity.features(warped), weight
    assert torch.equal(alone.features(fixed), features[0])
    value, gradient = similarity.value_and_gradient(*features)
    same, slope = alone.value_and_gradient(*features)
    assert same == value
    assert torch.equal(slope, gradient)


def test_a_channel_of_weight_0_is_not_looked_at(similarity, images, draw):
    fixed, warped, weight = images
    noisy = fixed.clone(), warped.clone()
    for image in noisy:
        image[1] = draw(7, 8, 9)
    summed = ChannelSum(similarity, (0.5, 0.0, 0.5))
    clean, other = (
        summed.value_and_gradient(summed.features(f), summed.features(w), weight)
        for f, w in ((fixed, warped), noisy)
    )
    assert clean[0] == other[0]
    assert torch.equal(clean[1], other[1])
    assert not other[1].chunk(3)[1].any()


def test_it_is_what_the_similarity_is(similarity, summed):
    assert summed.name == similarity.name
    assert summed.informs == similarity.informs
    assert summed.oriented == similarity.oriented
    assert summed.at(3.0) == ChannelSum(similarity.at(3.0), SHARES)
    assert not summed.is_stochastic((9, 9, 9))


def test_what_is_random_in_it_can_be_seeded():
    class Drawn(MSE):
        seeds: ClassVar[list[int]] = []

        def seed(self, seed):
            self.seeds.append(seed)

        def is_stochastic(self, shape):
            return True

    summed = ChannelSum(Drawn(), (0.5, 0.5))
    summed.seed(7)
    with summed.fixed_seed(3):
        assert summed.is_stochastic((9, 9))
    assert Drawn.seeds == [7]


def test_a_similarity_with_the_names_of_0_1_is_taken_with_a_warning():
    with pytest.warns(DeprecationWarning, match="Old.varies: name it is_stochastic"):

        class Old(MSE):
            def varies(self, shape):
                return len(shape) == 3

    assert Old().is_stochastic((4, 4, 4))
    assert not Old().is_stochastic((4, 4))
