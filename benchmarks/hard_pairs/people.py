"""Different people: brains with labels or tissues, chests with lobes. Overlap judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from benchmarks.data import brain
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import motion
from benchmarks.heads import GREY, WHITE, template
from benchmarks.tissues import remapped, tissues
from regkit import Grid, Labels, Volume
from regkit.volume.volume import AnyVolume

_FINE = 1.5  # mm, for labels that are thin
_COARSE = 2.0
_CHILD = 0.7  # of an adult's length: a brain soon after birth


def brains() -> Iterator[HardPair]:
    """Two people with structures; by tissue a template, a third person with and without skull."""
    yield brain_pair("a", "b", spacing=_FINE)
    yield brain_pair("b", "a", spacing=_FINE)
    yield displaced(brain_pair("b", "a", spacing=_FINE), 1000, 12.0, 15.0)
    yield displaced(brain_pair("a", "b", spacing=_FINE), 1001, 20.0, 30.0)
    third, whole, mean = _third(skull=False), _third(skull=True), _template()
    for seed, (name, fixed, moving) in enumerate(
        (
            ("third person to a", _tissues("a"), third),
            ("b to third person", third, _tissues("b")),
            ("a to template", mean, _tissues("a")),
            ("template to third person", third, mean),
            ("third person's whole head to b", _tissues("b"), whole),
            ("a to third person's whole head", whole, _tissues("a")),
            ("b to third person's whole head", whole, _tissues("b")),
            (f"a at {_CHILD} of its size to third person", third, _smaller(_tissues("a"))),
        ),
        1010,
    ):
        yield displaced(_of_tissues(name, fixed, moving), seed, 6.0, 8.0)


def chests() -> Iterator[HardPair]:
    """Two people, lobes; as they lie, moved, and one as another contrast would show it."""
    for seed, (fixed, moving) in enumerate((("0004", "0006"), ("0006", "0004")), 1050):
        pair = HardPair(
            f"{moving} to {fixed}",
            sources.chest(fixed),
            sources.chest(moving),
            transform="deformable",
            fixed_labels=sources.lobes(fixed),
            moving_labels=sources.lobes(moving),
        )
        yield pair
        yield displaced(pair, seed, 8.0, 25.0)
        other = remapped(pair.moving, sources.body(pair.moving))
        yield replace(pair, name=f"{pair.name}, another contrast", moving=other, across=True)


def brain_pair(fixed: str, moving: str, *, spacing: float) -> HardPair:
    """``a`` and ``b`` with their structures, which stay at 1 mm."""
    first, scored = sources.structures(fixed)
    second, _ = sources.structures(moving)
    return HardPair(
        f"{moving} to {fixed}",
        sources.person(fixed, spacing),
        sources.person(moving, spacing),
        transform="deformable",
        fixed_labels=first,
        moving_labels=second,
        scored=scored,
    )


def displaced(pair: HardPair, seed: int, degrees: float, shift: float) -> HardPair:
    """``pair`` with moving's header turned and shifted."""
    move = motion(seed, degrees, shift, pair.moving.grid)

    def moved(volume: AnyVolume) -> AnyVolume:
        return replace(volume, grid=Grid(volume.grid.shape, move @ volume.grid.affine))

    labels = pair.moving_labels and moved(pair.moving_labels)
    name = f"{pair.name}, {degrees:g}° {shift:g} mm"
    return replace(pair, name=name, moving=moved(pair.moving), moving_labels=labels)


_Person = tuple[Volume, Labels]


def _of_tissues(name: str, fixed: _Person, moving: _Person) -> HardPair:
    return HardPair(
        name,
        fixed[0],
        moving[0],
        transform="deformable",
        fixed_labels=fixed[1],
        moving_labels=moving[1],
        scored=(GREY, WHITE),
    )


def _tissues(name: str) -> _Person:
    image = sources.person(name, _COARSE)
    return image, tissues(image, brain(image))


def _smaller(person: _Person) -> _Person:
    """The same person with a header that makes all of it smaller."""
    return _shrunk(person[0]), _shrunk(person[1])


def _shrunk(volume: AnyVolume) -> AnyVolume:
    size = np.diag([_CHILD, _CHILD, _CHILD, 1.0])
    return replace(volume, grid=Grid(volume.grid.shape, size @ volume.grid.affine))


def _third(*, skull: bool) -> _Person:
    head, mask = sources.head(), sources.brain_of_head()
    alone = head.with_data(head.data * mask.data.to(torch.float32))
    return (head if skull else alone), tissues(head, mask)


def _template() -> _Person:
    mean = template(_COARSE)
    return mean.image, mean.tissues
