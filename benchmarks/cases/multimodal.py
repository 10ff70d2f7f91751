"""One person's T2 to another's T1: what an engine without a common contrast achieves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import regkit as rk
from benchmarks.data import as_float, background, brain, brain_pairs, contrasts, shown
from benchmarks.measure import THREADS, Cost
from benchmarks.methods import (
    CONVEX_ADAM,
    GREEDY_AFFINE,
    GREEDY_NMI,
    SYN_QUICK,
    Method,
    greedy_matrix,
    regkit,
)
from benchmarks.quality import REGULARITY, correlation, overlap, regularity
from benchmarks.session import Session, say
from benchmarks.table import Row, Table
from benchmarks.timing import COST, timing
from benchmarks.tissues import tissues
from regkit.transforms import Transform

MULTIMODAL = tuple(
    regkit("--init", "header", "--similarity", name, name=f"default, {name}")
    for name in ("auto", "mind", "mi")
)
MULTIMODAL_PEERS = (GREEDY_NMI, SYN_QUICK, CONVEX_ADAM)
_COLUMNS = {"method": "", "tissue Dice": ".3f", "r of T1": ".3f", **REGULARITY, **COST}


def multimodal_case(session: Session) -> list[Table]:
    """T2 of ms_multicontrast to T1 of brain_t1 a, judged by the T1 that no method saw."""
    session.warm_up("mind", "mi")
    return [raced(session, session.methods(MULTIMODAL, MULTIMODAL_PEERS))]


def raced(session: Session, methods: Sequence[Method]) -> Table:
    """The table of ``methods`` in turns, and what was before them."""
    scene = _Scene.of(session)
    costs = session.race(methods, scene.files[0], scene.files[1])
    rows: list[Row] = [{"method": "before", **scene.judge(rk.Affine.identity())}]
    for method in methods:
        row = {"method": method.name, **timing(method.name, costs)}
        if isinstance(costs[method.name], Cost):
            row |= scene.judged(method, session.place(method, scene.files[0]))
        rows.append(row)
    notes = (
        f"Medians of {session.runs}. The patient's T1 was aligned affinely to a by {scene.aligner} "
        "and the result applied to T1 and T2 alike; the field is found with T2 alone.",
        "Tissues are three k-means classes of each T1, warped nearest; r is the correlation of "
        "the held-out T1 with fixed inside the brain of fixed.",
    )
    return Table("Real T2 to another person's T1", _COLUMNS, rows, notes)


@dataclass(frozen=True)
class _Scene:
    """Fixed, the held-out T1 of moving with its tissues, and the files that methods see."""

    fixed: rk.Volume
    inside: rk.Labels
    tissues: rk.Labels
    held_out: rk.Volume
    moving_tissues: rk.Labels
    files: tuple[Path, Path]
    aligner: str

    @classmethod
    def of(cls, session: Session) -> _Scene:
        fixed = as_float(rk.read(brain_pairs()[0].fixed))
        images = contrasts()
        matrix, aligner = _affine(session, fixed, images["T1"])
        started = {
            name: rk.warp(image, matrix, onto=fixed.grid, outside=background(image))
            for name, image in images.items()
        }
        return cls(
            fixed=fixed,
            inside=brain(fixed),
            tissues=tissues(fixed, shown(fixed)),
            held_out=started["T1"],
            moving_tissues=tissues(started["T1"], shown(started["T1"])),
            files=(session.save(fixed, "a_t1"), session.save(started["T2"], "patient_t2")),
            aligner=aligner,
        )

    def judged(self, method: Method, out: Path) -> Row:
        phi = method.found(out)
        return {**self.judge(phi), **regularity(phi, self.inside)}

    def judge(self, phi: Transform) -> Row:
        warped = rk.warp(
            self.held_out, phi, onto=self.fixed.grid, outside=background(self.held_out)
        )
        return {
            "tissue Dice": overlap(phi, self.tissues, self.moving_tissues)["Dice"],
            "r of T1": correlation(self.fixed, warped, self.inside),
        }


def _affine(session: Session, fixed: rk.Volume, moving: rk.Volume) -> tuple[Transform, str]:
    """Greedy's affine where it is installed and wanted, else regkit's."""
    if session.methods((), (GREEDY_AFFINE,)):
        say(f"{GREEDY_AFFINE.name}: the start of all")
        out = session.folder / "start"
        GREEDY_AFFINE.run(session.save(fixed, "start_f"), session.save(moving, "start_m"), out)
        return greedy_matrix(out), "greedy (NCC)"
    found = rk.register(fixed, moving, transform="affine", threads=THREADS).transform

    return found, "regkit"
