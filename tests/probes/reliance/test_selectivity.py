"""Each suppressor takes its own cue and leaves the others: one network for each cue says so.

Shape, texture and hue of generated pictures are drawn independently, and the label of a network is
one of them alone. The levels are those that matching finds on the pictures themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.samples import ImageSamples
from probes.reliance.answers import PLAIN, RelianceCondition, ask_all
from probes.reliance.classifiers import class_answers
from probes.reliance.index import reliance
from probes.reliance.matching import match_level
from probes.reliance.skill import bootstrap_weights
from probes.reliance.suppressor import suppressor_called

_SIDE, _CLASSES = 48, 4
_CUES = ("shape", "texture", "colour")
_DEFAULT = {"shape": "patch-shuffle", "texture": "bilateral", "colour": "grayscale"}
# What may be left. A hue a tenth as strong is a hue; a texture is never alone in what is measured.
_TARGET = {"patch-shuffle": 0.15, "bilateral": 0.25, "grayscale": 0.05}


def _shape(kind: int, generator: torch.Generator) -> Tensor:
    """A disc, a square, a cross or a frame, anywhere near the middle."""
    dy, dx = (torch.rand(2, generator=generator) * 0.3 - 0.15).tolist()
    line = torch.linspace(-1, 1, _SIDE)
    y, x = torch.meshgrid(line - dy, line - dx, indexing="ij")
    far = torch.maximum(x.abs(), y.abs())
    if kind == 0:
        return (x**2 + y**2 < 0.6**2).float()
    if kind == 1:
        return (far < 0.55).float()
    if kind == 2:
        return ((torch.minimum(x.abs(), y.abs()) < 0.2) & (far < 0.75)).float()
    return ((far < 0.75) & (far > 0.45)).float()


def _texture(kind: int, generator: torch.Generator) -> Tensor:
    """Spots, holes, fine checks or noise: of one voxel, of mean zero and equal variance."""
    drawn = torch.rand(_SIDE, _SIDE, generator=generator)
    if kind == 3:
        found = drawn - 0.5
    elif kind == 2:
        row, column = torch.meshgrid(torch.arange(_SIDE), torch.arange(_SIDE), indexing="ij")
        found = ((row + column) % 2).float() - 0.5
    else:
        found = (drawn < 0.08).float() * (1 - 2 * kind)
    return (found - found.mean()) / found.std()


_HUES = torch.tensor([[1.0, -1, 0], [-1, 1, 0], [1, 0, -1], [-1, 0, 1]])


def _pictures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images ``(count, 3, 48, 48)`` and what was drawn for each cue, ``(count, 3)``."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(_CLASSES, (count, 3), generator=generator)
    images = [
        0.3
        + 0.4 * _shape(int(shape), generator)
        + 0.07 * _texture(int(texture), generator)
        + 0.08 * _HUES[hue][:, None, None]
        for shape, texture, hue in drawn
    ]
    return torch.stack(images), drawn


def _network() -> nn.Module:
    layers: list[nn.Module] = []
    for before, after, stride in ((3, 16, 1), (16, 24, 2), (24, 32, 2), (32, 32, 2)):
        layers += [nn.Conv2d(before, after, 3, stride, 1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, _CLASSES))


def _trained(images: Tensor, labels: Tensor) -> Callable[[Tensor], Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = _network()
        optimiser = torch.optim.AdamW(network.parameters(), 4e-3)
        for _ in range(12):
            for own in torch.randperm(len(images)).split(32):
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(images[own]), labels[own]).backward()
                optimiser.step()
    return network.eval()


@pytest.fixture(scope="module")
def relative() -> Iterator[dict[tuple[str, str], float]]:
    """Relative skill of the network of one cue under the default suppressor of another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order train another network
    yield _measured()
    torch.set_num_threads(threads)


def _measured() -> dict[tuple[str, str], float]:
    images, drawn = _pictures(1000, 1)
    judged, truth = _pictures(400, 2)
    bands = Bands.of(images)
    batch = Batch(images[:64], bands)
    conditions = [RelianceCondition()]
    for name in _DEFAULT.values():
        found = match_level(suppressor_called(name), batch, _TARGET[name])
        assert found.retained == pytest.approx(_TARGET[name], abs=0.1)
        conditions.append(RelianceCondition(name, 1, found.strength))
    weights = bootstrap_weights(len(judged), 200, np.random.default_rng(0))
    scores = {}
    for number, cue in enumerate(_CUES):
        samples = ImageSamples(judged, truth[:, number].double().numpy(), [""] * len(judged))
        network = _trained(images, drawn[:, number])
        answers = ask_all(class_answers(network), samples, bands, conditions)
        found = reliance(answers, conditions, samples.truth, "classes", weights, chance=0.25)
        assert found.plain.estimate > 0.95
        scores |= {(cue, each.suppressor): each.relative.estimate for each in found.levels}
    return scores


@pytest.mark.parametrize("cue", _CUES)
def test_a_suppressor_takes_its_own_cue(relative, cue):
    assert relative[cue, _DEFAULT[cue]] <= 0.4


@pytest.mark.parametrize("cue", _CUES)
@pytest.mark.parametrize("other", _CUES)
def test_a_suppressor_leaves_the_other_cues(relative, cue, other):
    if cue != other:
        assert relative[other, _DEFAULT[cue]] >= 0.8


def test_the_plain_condition_is_no_suppressor(relative):
    assert PLAIN not in {name for _, name in relative}
