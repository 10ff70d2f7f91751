"""A whole head, and its brain alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair, Kind
from benchmarks.hard_pairs.scenes import Scene, bend
from benchmarks.missing import other_scan
from regkit import Volume

# Which image lacks the skull, whether another scanner made it, degrees, mm, mm of bending.
_CASES: tuple[tuple[str, bool, float, float, float], ...] = (
    ("moving", False, 5.0, 7.0, 0.0),
    ("fixed", False, 8.0, 12.0, 0.0),
    ("fixed", True, 6.0, 8.0, 0.0),
    ("moving", True, 15.0, 20.0, 0.0),
    ("moving", False, 5.0, 7.0, 6.0),
    ("fixed", False, 5.0, 7.0, 6.0),
)


def skull() -> Iterator[HardPair]:
    """One person with and without skull, moved, seen by another scanner, bent."""
    head, mask = sources.head(), sources.brain_of_head()
    alone = head.with_data(head.data * mask.data)
    for seed, (lacking, other, degrees, shift, peak) in enumerate(_CASES, 300):
        scene = Scene.of(head, mask, seed, degrees, shift)
        first, second = (alone, head) if lacking == "fixed" else (head, alone)
        second = other_scan(second, seed) if other else second
        scene = replace(scene, source=first, other=second)
        if peak:
            scene = replace(scene, back=bend(head.grid, peak, seed))
        yield scene.pair(_name(lacking, other, degrees, peak), _kind(peak))
    yield _only_the_box(head, alone)


def _only_the_box(head: Volume, alone: Volume) -> HardPair:
    """The brain in a box that fits it, as tools that strip skulls leave it."""
    scene = Scene.of(head, sources.brain_of_head(), 310, 7.0, 9.0)
    inside = alone.data[0].nonzero()
    low = (inside.min(0).values - 2).tolist()
    shape = (inside.max(0).values + 3 - inside.min(0).values + 2).tolist()
    grid = head.grid.window(low, shape)
    return replace(scene, other=alone, moving_grid=grid).pair("brain in a tight box to head, 7°")


def _name(lacking: str, other: bool, degrees: float, peak: float) -> str:
    way = "head to brain" if lacking == "fixed" else "brain to head"
    more = f"{', another scanner' if other else ''}{f', bent {peak:g} mm' if peak else ''}"
    return f"{way}, {degrees:g}°{more}"


def _kind(peak: float) -> Kind:
    return "deformable" if peak else "rigid"
