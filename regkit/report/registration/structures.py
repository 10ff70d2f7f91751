"""The section about labelled structures: how well each of them overlaps."""

from __future__ import annotations

from collections.abc import Sequence

from regkit.metrics.structures import StructureScore, worst_structure
from regkit.registration.result import Result
from regkit.report.parts import Section, hint, table
from regkit.report.registration.metric_rows import GUIDED

_MISSING = "-"
_HOW = (
    "The structures are named as the label maps have them, or by their values, the worst first. "
    "Dice is the overlap of a structure in both maps: 1 is complete, 0 is none. Surface distances "
    "are measured after registration, between the outlines of the structure in the fixed and the "
    "warped map; a dash marks a structure that one of the maps lacks."
)


def structure_sections(result: Result, scores: Sequence[StructureScore]) -> list[Section]:
    """List the structures one by one, the worst first; no section without structures."""
    if not scores:
        return []
    unit = result.fixed.grid.world.unit
    lengths = [f"Surface distance, {which} ({unit})" for which in ("mean", "95 %", "largest")]
    columns = ("Structure", "Dice before", "Dice after", *lengths)
    ranked = sorted(scores, key=lambda score: score.dice)
    rows = [_row(score) for score in ranked]
    guided = [GUIDED] if result.config.dice > 0 else []
    parts = [_words(scores, unit), hint(_HOW), *guided, table(columns, rows, numbers=columns[1:])]
    return [Section("Structures", parts)]


def _words(scores: Sequence[StructureScore], unit: str) -> str:
    worst = worst_structure(scores)
    apart = worst.surface
    far = "" if apart is None else f", its surface distance (95 %) {apart.hd95:.3g} {unit}"
    called = worst.name or f"label {worst.label}"
    return (
        f"{len(scores)} structures were compared. The worst is {called}: "
        f"its Dice is {worst.dice:.3f}{far}."
    )


def _row(score: StructureScore) -> tuple[str, ...]:
    apart = score.surface
    lengths = (
        (_MISSING,) * 3
        if apart is None
        else tuple(f"{each:.2f}" for each in (apart.mean, apart.hd95, apart.maximum))
    )
    return _called(score), f"{score.dice_before:.3f}", f"{score.dice:.3f}", *lengths


def _called(score: StructureScore) -> str:
    return f"{score.name} ({score.label})" if score.name else f"Label {score.label}"
