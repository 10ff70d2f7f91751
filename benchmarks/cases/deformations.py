"""Known smooth deformations between contrasts: the error at every point is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

import regkit as rk
from benchmarks.cases.multimodal import MULTIMODAL_PEERS
from benchmarks.data import as_float, background, brain, brain_pairs, contrasts, points_in
from benchmarks.displacements import smooth_deformation
from benchmarks.measure import Cost
from benchmarks.methods import DEFAULT, Method
from benchmarks.quality import spread
from benchmarks.session import Session
from benchmarks.table import Row, Table
from benchmarks.tissues import remapped
from regkit.transforms import Transform

PEAKS_MM = (5.0, 10.0, 15.0)
_COLUMNS = {
    "pair": "",
    "peak mm": ".0f",
    "method": "",
    "mean mm": ".2f",
    "p95 mm": ".2f",
    "max mm": ".1f",
}


def deformations_case(session: Session) -> list[Table]:
    """T2, FLAIR and a remapped T1, deformed by a known field, against T1."""
    session.warm_up("mi")
    methods = session.methods((DEFAULT,), MULTIMODAL_PEERS)
    rows = [row for scene in _scenes() for row in _race(session, scene, methods)]
    notes = (
        "The moving image is the second contrast of the same brain, deformed by a random smooth "
        "field of that peak; the error is at about 4000 points in the brain. Accuracy "
        "alone: for times see the real T2, above.",
        "The remap gives T1 a non-monotone scale: fluid brightest, then white, then grey matter.",
    )
    return [
        Table("Known deformations between contrasts", _COLUMNS, rows, notes),
        Table("The same, averaged over all pairs and peaks", _SUMMARY, _summary(methods, rows)),
    ]


_SUMMARY = {"method": "", "mean mm": ".2f", "p95 mm": ".2f"}


@dataclass(frozen=True)
class _Scene:
    """A fixed image, another contrast of it, and a deformation."""

    name: str
    fixed: rk.Volume
    other: rk.Volume
    peak: float
    seed: int

    @cached_property
    def psi(self) -> rk.DisplacementField:
        return smooth_deformation(brain(self.fixed), self.peak, self.seed)

    @cached_property
    def moving(self) -> rk.Volume:
        """``moving(y) = other(psi(y))``."""
        grid = self.other.grid
        return rk.warp(self.other, self.psi, onto=grid, outside=background(self.other))

    def landmarks(self) -> tuple[Tensor, Tensor]:
        """The same points in fixed and in moving: ``x = psi(y)``."""
        inside = brain(self.moving)
        y = points_in(inside)
        return self.psi(y), y


def _scenes() -> list[_Scene]:
    head = as_float(rk.read(brain_pairs()[0].fixed))
    images = contrasts()
    pairs = [
        ("T2 to T1", images["T1"], images["T2"]),
        ("FLAIR to T1", images["T1"], images["FLAIR"]),
        ("remapped T1 to T1", head, remapped(head, brain(head))),
    ]
    return [
        _Scene(*pair, peak, seed) for pair in pairs for seed, peak in enumerate(PEAKS_MM, start=1)
    ]


def _race(session: Session, scene: _Scene, methods: list[Method]) -> list[Row]:
    fixed = session.save(scene.fixed, "known_fixed")
    moving = session.save(scene.moving, "known_moving")
    costs = session.race(methods, fixed, moving, runs=1)
    landmarks = scene.landmarks()
    first = {"pair": scene.name, "peak mm": scene.peak}
    rows: list[Row] = [{**first, "method": "before", **_errors(rk.Affine.identity(), *landmarks)}]
    for method in methods:
        row = {**first, "method": method.name}
        if isinstance(costs[method.name], Cost):
            row |= _errors(method.found(session.place(method, fixed)), *landmarks)
        rows.append(row)
    session.forget(fixed)
    return rows


def _errors(phi: Transform, x: Tensor, y: Tensor) -> Row:
    return spread((phi(x) - y).norm(dim=-1))


def _summary(methods: list[Method], rows: list[Row]) -> list[Row]:
    return [_mean(name, rows) for name in ("before", *(method.name for method in methods))]


def _mean(name: str, rows: list[Row]) -> Row:
    own = [row for row in rows if row["method"] == name]
    out: dict[str, object] = {"method": name}
    for column in ("mean mm", "p95 mm"):
        values = [row[column] for row in own if isinstance(row.get(column), float)]
        out[column] = float(torch.tensor(values).mean()) if values else None
    return out
