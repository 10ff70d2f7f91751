"""The labels of a pair, and what they say about a transform."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import regkit as rk
from benchmarks.measure import Cost
from benchmarks.methods import Method, record
from benchmarks.quality import overlap, regularity
from benchmarks.session import Session
from benchmarks.table import Row
from benchmarks.timing import timing
from regkit.transforms import Transform


@dataclass(frozen=True)
class LabelJudge:
    """Labels of fixed and moving, which are scored (all, if empty), and where fixed counts.

    ``start`` is what both images went through before the methods saw them: a method's transform
    is composed with it, so that labels are sampled once.
    """

    fixed: rk.Labels
    moving: rk.Labels
    inside: rk.Labels
    scored: Sequence[int] = ()
    start: Transform | None = None

    def before(self) -> Row:
        """Overlap at the start."""
        return self.overlap(rk.Affine.identity())

    def overlap(self, phi: Transform) -> Row:
        """Dice of what a method found."""
        whole = phi if self.start is None else rk.compose(self.start, phi)
        return overlap(whole, self.fixed, self.moving, self.scored)

    def __call__(self, method: Method, out: Path) -> Row:
        """All columns for the result of ``method`` in the folder ``out``."""
        phi = method.found(out)
        return {**self.overlap(phi), **regularity(phi, self.inside), **inverse_consistency(out)}


def judged_race(
    session: Session,
    methods: Sequence[Method],
    files: tuple[Path, Path],
    judge: LabelJudge,
    name: str,
) -> list[Row]:
    """Race on fixed and moving ``files``; one row for the start and one for each method."""
    costs = session.race(methods, *files)
    rows: list[Row] = [{"pair": name, "method": "before", **judge.before()}]
    for method in methods:
        row = {"pair": name, "method": method.name, **timing(method.name, costs)}
        if isinstance(costs[method.name], Cost):
            row |= judge(method, session.place(method, files[0]))
        rows.append(row)
    session.forget(files[0])
    return rows


def inverse_consistency(out: Path) -> Row:
    """What regkit says about its inverse; nothing for peers."""
    run = record(out, "run")
    if not run.exists():
        return {}
    return {"IC p95 mm": json.loads(run.read_text())["metrics"]["inverse_consistency_p95"]}
