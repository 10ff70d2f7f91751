"""Methods and metrics of attribution on networks and images whose evidence is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from probes.diagnosis.attribution.explained import (
    ExplainedModel,
    MapQuestion,
    answers_of,
    blur_absent,
    cell_sums,
    cells,
    mean_absent,
    spread_over,
)
from probes.diagnosis.attribution.judging import (
    judge,
    map_scores,
    noise_maps,
    shuffled_networks,
    trial,
)
from probes.diagnosis.attribution.methods import METHODS, method_called
from probes.diagnosis.attribution.mosaics import crop_piece, mosaics, shapley_truth, shrink_piece
from probes.images.bands import Bands
from regkit import InputError
from tests.probes.diagnosis.planted_evidence import CLASSES, planted_images, trained_network

_NOTHING = torch.Generator()


def _model(**more: object) -> ExplainedModel:
    images, _ = planted_images(60, 1)
    network = trained_network()
    return ExplainedModel(network, mean_absent(Bands.of(images)), network, **more)


def _mosaics(fills: bool, count: int = 10):
    images, classes = planted_images(60, 1)
    labels = np.eye(CLASSES, dtype=bool)[classes]
    generator = np.random.default_rng(0)
    return mosaics(
        _model(), images, labels, count, pieces=crop_piece, fills=fills, generator=generator
    )


@pytest.fixture(scope="module")
def trials():
    spread = Bands.of(planted_images(60, 1)[0]).std
    return {
        fills: trial(_model(), _mosaics(fills), spread, draws=2, seed=0) for fills in (False, True)
    }


@pytest.fixture(scope="module")
def judged(trials):
    return {name: judge(trials[False], method) for name, method in METHODS.items()}


@pytest.mark.parametrize("name", METHODS)
def test_planted_evidence_is_localised(trials, name):
    """A quarter holds the evidence: twice the share of chance of what speaks for it lies there."""
    images = _one_square()
    shown, masks = images
    maps = METHODS[name](
        MapQuestion(_model(), shown, torch.zeros(len(shown), 1, dtype=torch.long), _NOTHING)
    )
    inside = (maps[:, 0].clamp_min(0) * masks).flatten(1).sum(1)
    share = inside / maps[:, 0].clamp_min(0).flatten(1).sum(1)
    assert float(share.median()) > 2 * float(masks.float().mean())


def _one_square() -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with evidence of class 0 in one place, and a generous mask about it."""
    generator = torch.Generator().manual_seed(5)
    images = 0.5 * torch.randn(6, CLASSES, 32, 32, generator=generator)
    masks = torch.zeros(6, 32, 32)
    for number, corner in enumerate((0, 4, 8, 12, 16, 20)):
        images[number, 0, corner : corner + 8, 8:20] += 1.5
        masks[number, max(0, corner - 4) : corner + 12, 4:24] = 1
    return images, masks


def test_methods_put_more_into_the_piece_of_the_class_than_its_area(judged):
    for name, (_, scores) in judged.items():
        assert np.nanmean(scores["relevance-mass"]) > 0.4, name


def test_random_weights_lower_every_faithful_method(trials, judged):
    asked = trials[False]
    shuffled = asked.shuffled[-1]
    other = replace(asked.model, predict=shuffled, module=shuffled)
    targets = asked.mosaics.targets[:, :1]
    for name, method in METHODS.items():
        if name == "deeplift" or np.nanmean(judged[name][1]["faithfulness-estimate"]) < 0.3:
            continue
        maps = method(MapQuestion(other, asked.mosaics.images, targets, _NOTHING))[:, 0]
        found = map_scores(asked, maps)["faithfulness-estimate"].numpy()
        known = judged[name][1]["faithfulness-estimate"]
        assert np.nanmean(found) < np.nanmean(known) - 0.2, name


def test_every_method_but_noise_depends_on_the_weights(trials, judged):
    noise = judge(trials[False], noise_maps)[1]
    assert noise["parameter-randomisation"] == pytest.approx(1)
    for name, (_, scores) in judged.items():
        assert np.nanmean(scores["parameter-randomisation"]) < 0.7, name


def test_methods_are_faithful_and_noise_is_not(trials, judged):
    noise = judge(trials[False], noise_maps)[1]
    assert abs(np.nanmean(noise["faithfulness-estimate"])) < 0.15
    for name in ("occlusion", "lime", "lrp", "deeplift"):
        scores = judged[name][1]
        assert np.nanmean(scores["faithfulness-estimate"]) > 0.4, name
        assert np.nanmean(scores["infidelity"]) < np.nanmean(noise["infidelity"]), name


def test_a_class_that_fills_the_image_exposes_localisation(trials):
    for fills in (False, True):
        truth, noise = (judge(trials[fills], each)[1] for each in (shapley_truth, noise_maps))
        for metric in ("relevance-mass", "relevance-rank"):
            apart = np.nanmean(truth[metric]) - np.nanmean(noise[metric])
            assert apart == pytest.approx(0, abs=1e-6) if fills else apart > 0.3


def test_shapley_values_of_pieces_sum_to_what_they_change(trials):
    asked = trials[False]
    found = shapley_truth(
        MapQuestion(asked.model, asked.mosaics.images, asked.mosaics.targets, _NOTHING)
    )
    images = asked.mosaics.images
    apart = answers_of(asked.model, images) - answers_of(asked.model, asked.model.absent(images))
    wanted = apart.gather(1, asked.mosaics.targets)
    torch.testing.assert_close(found.flatten(2).sum(2), wanted, atol=1e-4, rtol=1e-4)


def test_shapley_values_of_a_sum_are_its_terms():
    """In a linear model each quarter is worth what it adds, whatever else is there."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2, bias=False)).requires_grad_(False)
    model = ExplainedModel(network, torch.zeros_like, network)
    images = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    found = shapley_truth(MapQuestion(model, images, torch.tensor([[0], [1]]), _NOTHING))[:, 0]
    grid = cells((4, 4), 2)
    products = images[:, 0] * network[1].weight.reshape(2, 4, 4)
    torch.testing.assert_close(found, spread_over(cell_sums(products, grid), grid))


def test_linear_models_are_explained_by_their_products():
    """Occlusion exactly, LIME but for its penalty, DeepLIFT against zero."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, 3)).requires_grad_(False)
    model = ExplainedModel(network, torch.zeros_like, network, samples=4000)
    images = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([[2], [0]])
    products = images[:, 0] * network[1].weight[targets[:, 0]].reshape(2, 16, 16)
    grid = cells((16, 16), 8)
    wanted = spread_over(cell_sums(products, grid), grid)
    found = {
        n: METHODS[n](MapQuestion(model, images, targets, _NOTHING))[:, 0]
        for n in METHODS
        if n != "gradcam"
    }
    torch.testing.assert_close(found["occlusion"], wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found["lime"], wanted, atol=1e-3, rtol=0.03)
    torch.testing.assert_close(found["deeplift"], products, atol=1e-5, rtol=1e-4)


def test_occlusion_is_that_of_captum():
    from captum.attr import Occlusion

    model, images = _model(), planted_images(3, 7)[0]
    targets = torch.tensor([[0], [1], [2]])
    found = METHODS["occlusion"](MapQuestion(model, images, targets, _NOTHING))[:, 0]
    peer = Occlusion(model.predict).attribute(
        images,
        (CLASSES, 4, 4),
        (CLASSES, 4, 4),
        baselines=model.absent(images),
        target=targets[:, 0],
    )[:, 0]
    torch.testing.assert_close(found * 16, peer, atol=1e-4, rtol=1e-3)


def test_shuffled_networks_keep_the_values_of_each_layer():
    network = trained_network()
    last, half, whole = shuffled_networks(network, torch.Generator().manual_seed(0))
    changed = [
        sum(
            not torch.equal(one, other)
            for one, other in zip(net.parameters(), network.parameters(), strict=True)
        )
        for net in (last, half, whole)
    ]
    assert 1 <= changed[0] <= 2 < changed[1] < changed[2]
    for one, other in zip(whole.parameters(), network.parameters(), strict=True):
        assert torch.equal(one.flatten().sort().values, other.flatten().sort().values)


def test_noise_depends_on_the_image_alone():
    images, targets = planted_images(2, 3)[0], torch.zeros(2, 2, dtype=torch.long)
    one = noise_maps(MapQuestion(_model(), images, targets, _NOTHING))
    assert torch.equal(one, noise_maps(MapQuestion(None, images, targets + 1, _NOTHING)))
    assert torch.equal(one[:, 0], one[:, 1])
    assert not torch.equal(one, noise_maps(MapQuestion(_model(), images + 1e-3, targets, _NOTHING)))


def test_volumes_are_explained_as_well():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.AdaptiveAvgPool3d(1),
        nn.Flatten(), nn.Linear(4, 2),
    ).eval().requires_grad_(False)  # fmt: skip
    model = ExplainedModel(network, torch.zeros_like, network, samples=16)
    images, targets = torch.rand(2, 1, 8, 9, 10), torch.tensor([[0], [1]])
    for method in (*METHODS.values(), shapley_truth, noise_maps):
        assert method(MapQuestion(model, images, targets, _NOTHING)).shape == (2, 1, 8, 9, 10)


def test_pieces_are_quarters_or_the_whole_at_half_its_size():
    image = torch.arange(16.0).reshape(1, 4, 4)
    assert torch.equal(crop_piece(image, 0), image)
    found = shrink_piece(image, 3)
    assert torch.equal(found[:, 2:, 2:], found[:, :2, :2])
    assert found[0, 0, 0].item() == pytest.approx((0 + 1 + 4 + 5) / 4)


def test_what_is_absent_can_be_blurred():
    images = planted_images(2, 0)[0]
    absent = blur_absent(Bands.of(images))(images)
    assert absent.shape == images.shape
    assert float(absent.std()) < 0.5 * float(images.std())


class _Functional(nn.Module):
    """A network whose activation is a function, which captum passes without a word."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 32), nn.Linear(32, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.second(nn.functional.relu(self.first(images.flatten(1))))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: method_called("lpr"), "did you mean 'lrp'"),
        (lambda: cells((4, 4), 8), "images of 4x4 have no 8 cells along each axis"),
        (
            lambda: METHODS["lrp"](_blank(replace(_model(), module=None))),
            "lrp needs the layers of a network",
        ),
        (lambda: answers_of(ExplainedModel(lambda x: x.sum((1, 2, 3))[:, None], torch.zeros_like),
                            torch.zeros(2, 1, 4, 4)), "one logit a class, two at least"),
        (lambda: answers_of(ExplainedModel(lambda x: x.flatten(1) / 0, torch.zeros_like),
                            torch.zeros(2, 1, 4, 4)), "answers that are not finite numbers"),
        (
            lambda: METHODS["gradcam"](_blank(replace(_model(), layer="block"))),
            "there is no layer 'block'; did you mean",
        ),
        (
            lambda: _deeplift_of(_Functional()),
            "DeepLIFT is .* % off the difference of the logits",
        ),
        (
            lambda: mosaics(
                _model(), planted_images(6, 0)[0], np.eye(3, dtype=bool)[[1] * 6], 2,
                pieces=crop_piece, fills=False, generator=np.random.default_rng(0),
            ),
            "images of two classes at least",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def _blank(model: ExplainedModel) -> MapQuestion:
    return MapQuestion(model, torch.zeros(1, 3, 32, 32), torch.zeros(1, 1).long(), _NOTHING)


def _deeplift_of(network: nn.Module) -> torch.Tensor:
    torch.manual_seed(0)
    network.eval().requires_grad_(False)
    model = ExplainedModel(network, lambda x: x - 3, network)
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return METHODS["deeplift"](MapQuestion(model, images, torch.zeros(8, 1).long(), _NOTHING))
