"""What every similarity promises."""

import pytest
import torch
from torch.testing import assert_close

SPACES = [(7, 8, 9), (1, 9, 10)]


@pytest.fixture(params=SPACES, ids=str)
def images(request, draw):
    """Fixed, warped and a weight with a hole, ``(1, *spatial)`` and ``(*spatial)``."""
    fixed = draw(1, *request.param)
    weight = torch.ones(request.param)
    weight[:, :3, 5:] = 0
    return fixed, 0.5 * fixed + 0.5 * draw(1, *request.param), weight


@pytest.fixture
def features(similarity, images):
    fixed, warped, weight = images
    return similarity.features(fixed), similarity.features(warped), weight


def test_the_closed_form_is_the_gradient_of_autograd(similarity, features):
    fixed, warped, weight = features
    value, gradient = similarity.value_and_gradient(fixed, warped, weight)
    leaf = warped.clone().requires_grad_()
    loss = similarity.compare(fixed, leaf, weight)
    (expected,) = torch.autograd.grad(loss, leaf)
    assert value == pytest.approx(float(loss.detach()), abs=2e-5)
    assert_close(gradient, expected, atol=1e-6, rtol=2e-3)


def test_the_closed_form_is_the_slope_of_the_value(similarity, features, draw):
    fixed, warped, weight = features
    _, gradient = similarity.value_and_gradient(fixed, warped, weight)
    way = draw(*warped.shape).double() - 0.5
    far, near = (
        similarity.compare(fixed.double(), warped.double() + step * way, weight.double())
        for step in (1e-5, -1e-5)
    )
    slope = float(far - near) / 2e-5
    assert float((gradient.double() * way).sum()) == pytest.approx(slope, rel=2e-3, abs=1e-6)


def test_the_reference_takes_over_without_the_loops(similarity, features, monkeypatch):
    value, gradient = similarity.value_and_gradient(*features)
    monkeypatch.setenv("REGKIT_KERNELS", "torch")
    same, expected = similarity.value_and_gradient(*features)
    assert value == pytest.approx(same, abs=2e-5)
    assert_close(gradient, expected, atol=1e-6, rtol=2e-3)


def test_both_halves_make_the_loss(similarity, images, features):
    whole = similarity(*images)
    assert whole.ndim == 0
    assert_close(whole, similarity.compare(*features))


@pytest.mark.parametrize("shape", [(14, 15), (9, 10, 11)], ids=str)
def test_an_image_is_more_like_itself_than_like_another(similarity, draw, shape):
    image, other = draw(1, *shape), draw(1, *shape)
    assert similarity(image, image) < similarity(image, 0.7 * image + 0.3 * other)
    assert similarity(image, 0.7 * image + 0.3 * other) < similarity(image, other)


@pytest.mark.parametrize("shape", [(8, 9), (5, 6, 7)], ids=str)
def test_the_loss_can_be_differentiated_by_the_image(similarity, draw, shape):
    fixed, warped = draw(1, *shape).double(), draw(1, *shape).double().requires_grad_()
    (gradient,) = torch.autograd.grad(similarity(fixed, warped), warped)
    way = draw(*warped.shape).double() - 0.5
    ends = [float(similarity(fixed, warped + step * way).detach()) for step in (1e-4, -1e-4)]
    slope = (ends[0] - ends[1]) / 2e-4
    assert float((gradient * way).sum()) == pytest.approx(slope, rel=2e-3, abs=1e-7)


def test_what_the_mask_hides_has_no_say(similarity, features):
    fixed, warped, weight = features
    other = torch.where(weight > 0, warped, torch.full_like(warped, 0.9))
    value, gradient = similarity.value_and_gradient(fixed, warped, weight)
    assert similarity.value_and_gradient(fixed, other, weight)[0] == pytest.approx(value, abs=1e-6)
    assert (gradient[:, weight == 0] == 0).all()


def test_a_mask_may_be_boolean_or_absent(similarity, images):
    fixed, warped, weight = images
    assert_close(similarity(fixed, warped, weight > 0), similarity(fixed, warped, weight))
    assert_close(similarity(fixed, warped), similarity(fixed, warped, torch.ones_like(weight)))


def test_an_empty_mask_is_no_error(similarity, features):
    fixed, warped, weight = features
    value, gradient = similarity.value_and_gradient(fixed, warped, 0 * weight)
    assert torch.isfinite(torch.tensor(value))
    assert (gradient == 0).all()


def test_flat_images_are_no_error(similarity):
    flat = torch.full((1, 6, 7, 8), 0.5)
    leaf = flat.clone().requires_grad_()
    loss = similarity(flat, leaf)
    (gradient,) = torch.autograd.grad(loss, leaf)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient).all()


def test_a_step_against_the_gradient_improves(similarity, features):
    fixed, warped, weight = features
    value, gradient = similarity.value_and_gradient(fixed, warped, weight)
    better = warped - 0.01 * gradient / gradient.abs().max()
    assert similarity.value_and_gradient(fixed, better, weight)[0] < value
