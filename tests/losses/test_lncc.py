import pytest
import torch

from regkit.losses import LNCC


def _direct(fixed, warped, radius):
    """The definition, window by window."""
    total, size = 0.0, fixed.shape
    for index in torch.cartesian_prod(*(torch.arange(n) for n in size)):
        box = tuple(
            slice(max(int(i) - radius, 0), int(i) + radius + 1) for i in torch.atleast_1d(index)
        )
        f, w = fixed[box] - fixed[box].mean(), warped[box] - warped[box].mean()
        variance = (f.square().mean() + 1e-5) * (w.square().mean() + 1e-5)
        total += float((f * w).mean() / variance.sqrt())
    return 1 - total / fixed.numel()


@pytest.mark.parametrize("shape", [(5, 6), (4, 5, 6)], ids=str)
@pytest.mark.parametrize("radius", [1, 2])
def test_it_is_the_mean_correlation_of_windows(draw, shape, radius):
    fixed, warped = draw(1, *shape), draw(1, *shape)
    expected = _direct(fixed[0].double(), warped[0].double(), radius)
    assert float(LNCC(radius)(fixed, warped)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("squared", [False, True])
def test_brightness_and_contrast_do_not_matter(draw, squared):
    image = draw(1, 8, 9, 10)
    assert LNCC(2, squared=squared)(image, 0.5 * image + 0.2) < 0.01


def test_only_the_square_forgives_inverted_contrast(draw):
    image = draw(1, 8, 9, 10)
    assert LNCC(2)(image, 1 - image) > 1.98
    assert LNCC(2, squared=True)(image, 1 - image) < 0.01


@pytest.mark.parametrize(
    ("radius", "stride"), [(1, 1), (2, 1), (3, 2), (4, 3)], ids=lambda n: str(n)
)
def test_engines_look_at_windows_a_third_of_their_width_apart(radius, stride):
    assert LNCC(radius).at(1.0).stride == stride


def test_windows_apart_tell_what_all_windows_do(draw):
    """Of smooth images as of noise: the loss is nearly the same, and so is the pull."""
    fixed, noise = draw(1, 24, 26, 28), draw(1, 24, 26, 28)
    warped, weight = 0.5 * fixed + 0.5 * noise, torch.ones(24, 26, 28)
    whole, apart = LNCC(4, squared=True), LNCC(4, squared=True, stride=3)
    value, pull = whole.value_and_gradient(fixed, warped, weight)
    other, like = apart.value_and_gradient(fixed, warped, weight)
    assert other == pytest.approx(value, rel=0.05)
    assert float(torch.cosine_similarity(pull.flatten(), like.flatten(), dim=0)) > 0.98
    assert float(apart(fixed, warped)) == pytest.approx(other, abs=1e-4)


def test_the_square_has_a_name_of_its_own():
    assert (LNCC().name, LNCC(squared=True).name) == ("lncc", "lncc2")
