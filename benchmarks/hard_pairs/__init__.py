"""Pairs at which registration goes wrong, in families, with the truth where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.hard_pairs import (
    artefacts,
    bodies,
    contrasts,
    coverage,
    lesions,
    people,
    scale,
    skull,
    slices,
    spine,
    strangers,
    tomography,
)
from benchmarks.hard_pairs.pair import HardPair

Pairs = Callable[[], Iterator[HardPair]]

_FAMILIES: dict[str, Pairs] = {
    "raw": contrasts.raw,
    "contrasts": contrasts.contrasts,
    "visits": contrasts.visits,
    "epi": contrasts.echo_planar,
    "slabs": coverage.slabs,
    "fields-of-view": coverage.fields_of_view,
    "far": coverage.far,
    "few-slices": slices.few,
    "thick-slices": slices.thick,
    "skull": skull.skull,
    "masks": bodies.masks,
    "thin-masks": bodies.thin_masks,
    "apart": bodies.apart,
    "lesions": lesions.lesions,
    "artefacts": artefacts.artefacts,
    "ct": tomography.tomography,
    "scale": scale.scale,
    "spine": spine.spine,
    "brains": people.brains,
    "chests": people.chests,
    "strangers": strangers.strangers,
}


def families() -> dict[str, Pairs]:
    """By name: what makes the pairs of a family, one after another, the same every time."""
    return {name: _in_halves(name, made) for name, made in _FAMILIES.items()}


def _in_halves(family: str, made: Pairs) -> Pairs:
    """Every second pair is kept for judging."""

    def pairs() -> Iterator[HardPair]:
        for count, pair in enumerate(made()):
            yield replace(pair, family=family, half="judge" if count % 2 else "tune")

    return pairs


__all__ = ["HardPair", "Pairs", "families"]
