import pytest
from torch.testing import assert_close

from regkit.losses import MIND, MSE


@pytest.fixture
def image(head):
    return head.data / head.data.max()


@pytest.mark.parametrize(
    ("shape", "channels"), [((6, 7, 8), 12), ((6, 7), 4), ((1, 6, 7), 4)], ids=str
)
def test_descriptors_have_a_channel_for_every_pair_of_neighbours(draw, shape, channels):
    features = MIND().features(draw(1, *shape))
    assert features.shape == (channels, *shape)
    assert features.min() > 0
    assert features.max() == 1


def test_a_plane_has_the_descriptors_of_its_slice(draw):
    image = draw(1, 8, 9)
    assert_close(MIND().features(image[:, None])[:, 0], MIND().features(image))


@pytest.mark.parametrize(
    "remap",
    [lambda x: 0.3 * x + 0.4, lambda x: 1 - x, lambda x: x.sqrt(), lambda x: x**2],
    ids=["linear", "inverted", "root", "square"],
)
def test_a_change_of_intensities_changes_little(image, remap):
    image = 0.2 + 0.8 * image
    moved = image.roll(4, dims=2)
    assert MIND()(image, remap(image)) < 0.2 * MIND()(image, moved)


def test_linear_changes_change_nothing(draw):
    image = draw(1, 7, 8, 9)
    assert_close(MIND().features(0.5 * image + 0.3), MIND().features(image), atol=1e-3, rtol=0)


def test_it_is_the_squared_difference_of_descriptors(draw):
    one, two = draw(1, 7, 8, 9), draw(1, 7, 8, 9)
    mind = MIND()
    assert_close(mind(one, two), MSE()(mind.features(one), mind.features(two)))


def test_a_longer_reach_looks_further(draw):
    image = draw(1, 9, 10, 11)
    far = image.clone()
    far[0, 4, 5, 5] += 0.5
    features = MIND(dilation=2, sigma=0.1).features
    changed = (features(far) - features(image)).abs().amax(0) > 0
    assert changed[2, 5, 5]
    assert changed[4, 5, 7]
    assert not changed[4, 5, 8]
