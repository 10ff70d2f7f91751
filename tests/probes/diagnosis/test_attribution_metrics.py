"""The ten metrics on maps whose scores are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from probes.diagnosis.attribution.metrics import (
    ATTRIBUTION_METRICS,
    average_sensitivity,
    complexity,
    faithfulness_estimate,
    infidelity,
    local_lipschitz,
    rank_correlation,
    relevance_mass,
    relevance_rank,
    sparseness,
)


def _seeded(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_there_are_two_metrics_in_each_of_five_categories():
    found = [each.category for each in ATTRIBUTION_METRICS.values()]
    assert len(found) == 10
    assert {found.count(each) for each in found} == {2}
    assert len(set(found)) == 5


def test_the_faithfulness_estimate_is_a_correlation():
    sums, drops = _seeded(4, 30), _seeded(30, 4).T.contiguous()
    wanted = [np.corrcoef(a, b)[0, 1] for a, b in zip(sums.numpy(), drops.numpy(), strict=True)]
    assert faithfulness_estimate(sums, drops).numpy() == pytest.approx(np.array(wanted), abs=1e-6)
    assert faithfulness_estimate(drops, -3 * drops + 1).numpy() == pytest.approx(-np.ones(4))


def test_infidelity_knows_no_scale_but_a_sign():
    drops = _seeded(2, 50)
    assert infidelity(5 * drops, drops).numpy() == pytest.approx(np.zeros(2), abs=1e-12)
    assert infidelity(-drops, drops).numpy() == pytest.approx(np.ones(2))
    # Half of the variance is explained where as much again is added.
    both = torch.tensor([[1.0, 1, -1, -1]])
    assert infidelity(both + torch.tensor([[1.0, -1, 1, -1]]), both).item() == pytest.approx(0.5)


def test_sensitivity_and_lipschitz_follow_how_far_maps_and_images_move():
    maps = torch.tensor([[[3.0, 0], [0, 4]]])
    others = torch.stack([maps + torch.tensor([[1.0, 0], [0, 0]]), maps * 2])
    assert average_sensitivity(maps, others).item() == pytest.approx((0.2 + 1) / 2)
    steps = torch.tensor([[0.1], [0.25]])
    assert local_lipschitz(maps, others, steps).item() == pytest.approx(4)


def test_mass_and_rank_of_a_map_that_is_its_mask():
    masks = torch.zeros(1, 4, 4, dtype=torch.bool)
    masks[:, :2, :2] = True
    assert relevance_mass(masks.float(), masks).item() == 1
    assert relevance_rank(masks.float(), masks).item() == 1
    assert relevance_mass(1 - masks.float(), masks).item() == 0
    assert relevance_rank(1 - masks.float(), masks).item() == 0


def test_a_class_that_fills_the_image_makes_localisation_perfect_for_any_map():
    masks = torch.ones(1, 4, 4, dtype=torch.bool)
    noise = _seeded(1, 4, 4)
    assert relevance_mass(noise, masks).item() == pytest.approx(1)
    assert relevance_rank(noise, masks).item() == pytest.approx(1)


def test_noise_has_the_mass_and_the_rank_of_the_area():
    masks = torch.zeros(200, 8, 8, dtype=torch.bool)
    masks[:, :4, :4] = True
    noise = _seeded(200, 8, 8)
    assert relevance_mass(noise, masks).mean().item() == pytest.approx(0.25, abs=0.02)
    assert relevance_rank(noise, masks).mean().item() == pytest.approx(0.25, abs=0.02)


def test_sparseness_and_complexity_of_k_equal_pixels_of_n():
    maps = torch.zeros(1, 64)
    maps[0, :16] = -2
    assert sparseness(maps).item() == pytest.approx(1 - 16 / 64)
    assert complexity(maps).item() == pytest.approx(math.log(16) / math.log(64))


def test_rank_correlation_is_that_of_scipy():
    one, other = _seeded(3, 20), _seeded(20, 3).T.round()
    wanted = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    assert rank_correlation(one, other).numpy() == pytest.approx(np.array(wanted))


def test_flat_maps_are_not_averaged_in():
    flat, masks = torch.zeros(1, 9), torch.ones(1, 9, dtype=torch.bool)
    for found in (
        relevance_mass(flat, masks), relevance_rank(flat, masks), sparseness(flat),
        complexity(flat), rank_correlation(flat, _seeded(1, 9)),
        average_sensitivity(flat, flat[None]), faithfulness_estimate(flat, _seeded(1, 9)),
        infidelity(flat, _seeded(1, 9)),
    ):  # fmt: skip
        assert found.isnan().all()
    assert rank_correlation(_seeded(1, 9), flat).item() == 0
