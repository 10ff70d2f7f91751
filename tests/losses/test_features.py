"""Similarity by features, of a small network whose weights are of no matter here."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from regkit.losses import LNCC, MIND, FeatureSimilarity, SimilaritySum
from regkit.losses.static_features import StaticFeatures


class Filters:
    """A convolution and its square at half the size, with noise of its own."""

    name, settings = "filters", {}

    def __init__(self, ndim=2):
        self.ndim = ndim
        kind = nn.Conv2d if ndim == 2 else nn.Conv3d
        torch.manual_seed(0)
        self.network = kind(1, 4, 3, padding=1).double().requires_grad_(False)
        self.seen = []

    def draw(self, images, generator):
        return 0.1 * torch.randn(1, *images.shape[1:], generator=generator).to(images)

    def __call__(self, images, noise):
        self.seen.append(len(images))
        out = self.network((images if noise is None else images + noise).double())
        out = torch.tanh(out)
        half = nn.functional.avg_pool2d if self.ndim == 2 else nn.functional.avg_pool3d
        return [out, half(out.square(), 2, ceil_mode=True)]

    def to(self, device):
        return self


def similarity(ndim=2, seed=0, **options):
    extractor = Filters(ndim)
    return FeatureSimilarity(
        extractor, generator=torch.Generator().manual_seed(seed), **{"sigma": 1.0, **options}
    )


@pytest.fixture(params=[(9, 10), (1, 9, 10), (6, 7, 8)], ids=str)
def images(request, draw):
    shape = request.param
    weight = torch.ones(shape, dtype=torch.float64)
    weight[..., 6:] = 0
    return draw(1, *shape).double(), draw(1, *shape).double(), weight


@pytest.mark.parametrize("noise", ["shared", "independent", "none"])
@pytest.mark.parametrize("distance", ["lncc", "lncc2", "cosine", "l1", "l2", "ncc"])
def test_the_gradient_is_the_slope_of_the_value(images, distance, noise):
    fixed, warped, weight = images
    options = {"distance": distance, "noise": noise, "axes": "all"}
    _, gradient = similarity(**options).value_and_gradient(fixed, warped, weight)
    way = torch.rand_like(warped, generator=None) - 0.5
    ends = [
        float(similarity(**options).compare(fixed, warped + step * way, weight))
        for step in (1e-6, -1e-6)
    ]
    assert float((gradient * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-3)


@pytest.mark.parametrize("distance", ["lncc", "lncc2", "l2"])
def test_the_gradient_of_an_extractor_of_volumes(draw, distance):
    fixed, warped = draw(1, 6, 7, 8).double(), draw(1, 6, 7, 8).double()
    weight = torch.ones(6, 7, 8, dtype=torch.float64)
    weight[:2] = 0
    _, gradient = similarity(3, distance=distance).value_and_gradient(fixed, warped, weight)
    way = torch.rand_like(warped) - 0.5
    ends = [
        similarity(3, distance=distance).value(fixed, warped + step * way, weight)
        for step in (1e-6, -1e-6)
    ]
    assert float((gradient * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-3)


@pytest.mark.parametrize("axes", ["all", "random", 1])
def test_both_ways_to_the_gradient_agree(images, axes):
    """The engine's, chunk by chunk, and autograd's through checkpoints."""
    fixed, warped, weight = images
    value, gradient = similarity(axes=axes, chunk=2).value_and_gradient(fixed, warped, weight)
    leaf = warped.clone().requires_grad_()
    loss = similarity(axes=axes, chunk=2)(fixed, leaf, weight)
    assert value == pytest.approx(float(loss.detach()))
    assert_close(torch.autograd.grad(loss, leaf)[0], gradient)


@pytest.mark.parametrize("noise", ["none", "shared", "independent"])
def test_chunks_do_not_change_the_value(draw, noise):
    fixed, warped = draw(1, 6, 7, 8).double(), draw(1, 6, 7, 8).double()
    some = similarity(axes=0, chunk=2, noise=noise)
    whole = similarity(axes=0, chunk=99, noise=noise)
    assert_close(some(fixed, warped), whole(fixed, warped))
    assert max(some.extractor.seen) == 2
    assert max(whole.extractor.seen) == 6


def test_seeds_decide_noise_axes_and_slices(draw):
    fixed, warped = draw(1, 6, 7, 8).double(), draw(1, 6, 7, 8).double()
    loss = similarity(slices=2)
    first, second = float(loss(fixed, warped)), float(loss(fixed, warped))
    loss.seed(0)
    assert first == float(loss(fixed, warped)) != second


def test_draws_of_a_while_leave_those_after_it_alone(draw):
    fixed, warped = draw(1, 6, 7, 8).double(), draw(1, 6, 7, 8).double()
    loss, again = similarity(slices=2), similarity(slices=2)
    mixed = SimilaritySum(((1.0, loss), (1.0, LNCC(2))))
    with mixed.fixed_seed(7):
        apart = float(loss(fixed, warped))
    assert float(loss(fixed, warped)) == float(again(fixed, warped))
    again.seed(7)
    assert float(again(fixed, warped)) == apart


@pytest.mark.parametrize(
    ("ndim", "options", "shape", "expected"),
    [
        (2, {"noise": "shared"}, (9, 10), True),
        (2, {"noise": "independent"}, (1, 9, 10), True),
        (2, {"noise": "none", "slices": 2}, (9, 10), False),
        (2, {"noise": "none", "slices": 2}, (1, 9, 10), False),
        (2, {"noise": "none", "slices": 2, "axes": 0}, (6, 7, 8), True),
        (2, {"noise": "none", "slices": 8, "axes": 0}, (6, 7, 8), False),
        (2, {"noise": "none", "axes": "random"}, (6, 7, 8), True),
        (2, {"noise": "none", "axes": "all"}, (6, 7, 8), False),
        (3, {"noise": "none"}, (6, 7, 8), False),
    ],
)
def test_a_loss_varies_only_where_something_is_drawn(draw, ndim, options, shape, expected):
    loss = similarity(ndim, **options)
    assert loss.is_stochastic(shape) == expected
    fixed, warped = draw(1, *shape).double(), draw(1, *shape).double()
    weight = torch.ones(shape, dtype=torch.float64)
    values = {loss.value(fixed, warped, weight) for _ in range(8)}
    assert (len(values) > 1) == expected


def test_the_value_is_that_of_the_gradient(images):
    alone = similarity(axes="all").value(*images)
    assert alone == pytest.approx(similarity(axes="all").value_and_gradient(*images)[0])


def test_so_many_slices_a_step(draw):
    loss = similarity(slices=3, axes=2, noise="none")
    _, gradient = loss.value_and_gradient(
        draw(1, 6, 7, 8).double(), draw(1, 6, 7, 8).double(), torch.ones(6, 7, 8).double()
    )
    touched = gradient[0].abs().amax((0, 1)) > 0
    assert int(touched.sum()) == 3


def test_slices_without_weight_are_not_shown_to_the_network(draw):
    weight = torch.zeros(6, 7, 8).double()
    weight[2:4] = 1
    loss = similarity(axes=0)
    loss(draw(1, 6, 7, 8).double(), draw(1, 6, 7, 8).double(), weight)
    assert sum(loss.extractor.seen) == 4  # two of fixed, two of warped


def test_an_empty_mask_is_no_error(images):
    fixed, warped, weight = images
    value, gradient = similarity(axes=0).value_and_gradient(fixed, warped, 0 * weight)
    assert value == pytest.approx(0)
    assert (gradient == 0).all()


def test_an_extractor_of_volumes_sees_the_whole(draw):
    fixed, warped = draw(1, 6, 7, 8).double(), draw(1, 6, 7, 8).double()
    loss = similarity(3)
    assert float(loss(fixed, warped)) > float(loss(fixed, fixed))
    assert set(loss.extractor.seen) == {1}


def test_layer_weights(draw):
    fixed, warped = draw(1, 9, 10).double(), draw(1, 9, 10).double()
    first, second, both = (
        float(similarity(layer_weights=w, noise="none")(fixed, warped))
        for w in [(1.0, 0.0), (0.0, 1.0), (1.0, 3.0)]
    )
    assert both == pytest.approx(first / 4 + 3 * second / 4)
    assert first != pytest.approx(second)


def test_the_network_gets_no_gradient(draw):
    loss = similarity()
    loss.value_and_gradient(draw(1, 9, 10).double(), draw(1, 9, 10).double(), torch.ones(9, 10))
    assert all(p.grad is None for p in loss.extractor.network.parameters())


def test_a_mixture_is_the_sum_of_its_parts(images):
    fixed, warped, weight = (x.float() for x in images)
    parts = similarity(noise="none", axes=0), LNCC(2), MIND()
    mixed = SimilaritySum(((1.0, parts[0]), (0.5, parts[1]), (2.0, parts[2])))
    shares = (1.0, 0.5, 2.0)
    expected = sum(s * float(p(fixed, warped, weight)) for s, p in zip(shares, parts, strict=True))
    assert float(mixed(fixed, warped, weight)) == pytest.approx(expected, abs=1e-5)
    if fixed.ndim == 4:  # engines see volumes alone
        value, gradient = mixed.value_and_gradient(fixed, warped, weight)
        leaf = warped.clone().requires_grad_()
        (same,) = torch.autograd.grad(mixed(fixed, leaf, weight), leaf)
        assert value == pytest.approx(expected, abs=1e-4)
        assert_close(gradient, same, atol=1e-6, rtol=2e-3)
    assert mixed.name == "features:filters+0.5*lncc+2*mind"
    assert not mixed.is_stochastic(fixed.shape[1:])
    assert SimilaritySum(((1.0, similarity()), (1.0, LNCC(2)))).is_stochastic((6, 7, 8))


@pytest.mark.parametrize("shape", [(9, 10), (1, 9, 10), (6, 7, 8)], ids=str)
def test_static_features_lie_on_the_grid_of_the_image(draw, shape):
    static = StaticFeatures(similarity(noise="none", distance="l2"), channels=3)
    image, other = draw(1, *shape).double(), draw(1, *shape).double()
    features = static.features(image)
    assert features.shape == (3, *shape)
    assert float(static(image, image)) == pytest.approx(0, abs=1e-9)
    assert float(static(image, other)) > 1e-3


def test_a_projection_keeps_distances(draw):
    image, other = draw(1, 24, 25).double(), draw(1, 24, 25).double()
    source = similarity(noise="none", distance="l2")
    wide, narrow = StaticFeatures(source, 8), StaticFeatures(source, 6)
    assert float(narrow(image, other)) == pytest.approx(float(wide(image, other)), rel=0.5)
