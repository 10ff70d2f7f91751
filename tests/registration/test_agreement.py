"""Blocks that match where they lie, beside it, or nowhere in particular."""

import numpy as np
import pytest
import torch

from regkit.kernels.smoothing import gaussian
from regkit.registration.agreement import Blocks, PairBlocks, block_grid


def _tissue(seed, shape=(36, 42, 30)):
    generator = torch.Generator().manual_seed(seed)
    grain = gaussian(torch.randn(1, *shape, generator=generator), 1.5)
    return (grain - grain.min()) / (grain.max() - grain.min())


def _inverted(image):
    return (1 - image).sqrt()


@pytest.fixture(scope="module")
def tissue():
    return _tissue(0)


def _everywhere(image):
    return torch.ones_like(image[0])


@pytest.mark.parametrize("seen", [lambda image: image, _inverted], ids=["same", "inverted"])
def test_what_lies_in_place_matches_whatever_the_contrast(tissue, seen):
    found = Blocks(tissue).agreement(seen(tissue), _everywhere(tissue))
    assert found.blocks == 6 * 7 * 5
    assert found.chance < 0.01
    assert found.matched > 0.98
    assert found.residual < 0.2


@pytest.mark.parametrize("shift", [1, 2])
def test_a_shift_is_measured_in_voxels(tissue, shift):
    found = Blocks(tissue).agreement(tissue.roll(shift, dims=2), _everywhere(tissue))
    assert found.residual == pytest.approx(shift, abs=0.35)


def test_unrelated_images_match_by_chance(tissue):
    found = Blocks(tissue).agreement(_tissue(1), _everywhere(tissue))
    assert found.chance == pytest.approx(0.5, abs=0.08)
    assert found.matched < 0.3


def test_only_what_counts_is_compared(tissue):
    weight = _everywhere(tissue)
    weight[12:] = 0
    other = torch.cat([tissue[:, :12], _tissue(1)[:, 12:]], dim=1)
    found = Blocks(tissue).agreement(other, weight)
    assert found.blocks == 2 * 7 * 5
    assert found.chance < 0.02


def test_nothing_that_counts_tells_nothing(tissue):
    found = Blocks(tissue).agreement(tissue, torch.zeros_like(tissue[0]))
    assert (found.blocks, found.chance, found.matched) == (0, 0.5, 0.0)
    assert np.isnan(found.residual)


@pytest.mark.parametrize("shape", [(1, 60, 54), (54, 1, 60), (3, 60, 54)])
def test_thin_images_are_compared_in_their_planes(shape):
    tissue = _tissue(2, shape)
    aligned = Blocks(tissue).agreement(_inverted(tissue), _everywhere(tissue))
    strange = Blocks(tissue).agreement(_tissue(3, shape), _everywhere(tissue))
    assert aligned.chance < 0.05
    assert strange.chance > 0.35


def test_the_map_shows_which_half_is_in_place(tissue):
    other = torch.cat([tissue[:, :18], _tissue(1)[:, 18:]], dim=1)
    weight = _everywhere(tissue)
    weight[:, :6] = 0
    _, chance = Blocks(tissue).agreement_and_map(other, weight)
    assert chance.shape == (6, 7, 5)
    assert chance[:, 0].isnan().all()
    assert chance[:2, 1:].mean() < 0.02
    assert chance[4:, 1:].mean() == pytest.approx(0.5, abs=0.1)


def test_blocks_lie_where_their_voxels_lie(head):
    blocks = block_grid(head.grid)
    first = head.grid.to_world(torch.tensor([[0.0, 0.0, 0.0], [5.0, 5.0, 5.0]])).mean(dim=0)
    assert torch.allclose(blocks.to_world(torch.zeros(3)), first)
    assert blocks.shape == tuple(n // 6 for n in head.grid.shape)


def test_the_usual_blocks_of_a_pair_are_kept(head, paired):
    pair = paired(head, head)
    seen = PairBlocks.usual(pair)
    assert PairBlocks.usual(pair) is seen
    assert PairBlocks.usual(paired(head, head)) is not seen
    assert seen.agreement(np.eye(4)).matched == 1
