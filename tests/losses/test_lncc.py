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


def test_the_square_has_a_name_of_its_own():
    assert (LNCC().name, LNCC(squared=True).name) == ("lncc", "lncc2")
