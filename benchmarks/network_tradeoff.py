"""What refinement after a network gains for its time: the field, and the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import regkit as rk
from benchmarks.cases.multimodal import raced
from benchmarks.data import PairFiles, brain, brain_pairs
from benchmarks.judge import LabelJudge, judged_race
from benchmarks.methods import Method, record, regkit
from benchmarks.quality import OVERLAP, REGULARITY
from benchmarks.session import Session
from benchmarks.table import Row, Table
from benchmarks.timing import COST

HEADER = ("--init", "header")
STEPS = (5, 10)
# Iterations of the field engine's levels after the network, from hardly any to more than usual.
FIELDS = ((10, 10), (10, 13, 3), (10, 25, 8))
_ENGINES = ("network", "tuning", "field")
_COST = {name: form for name, form in COST.items() if "÷" not in name}  # no peer runs here
_COLUMNS = {"pair": "", "method": "", **OVERLAP, **REGULARITY, "engines s": ".2f", **_COST}


def tradeoff(session: Session, model: Path, rate: float) -> Table:
    """``brain_t1`` both ways: the classical engine alone, and ``model`` with either refinement.

    ``rate`` is the learning rate of fine-tuning.
    """
    session.warm_up("lncc2")
    methods = [
        regkit(*HEADER, "--transform", "affine", name="affine"),
        regkit(*HEADER, "--preset", "fast", name="fast"),
        regkit(*HEADER, name="default"),
        *after(session.folder, model, rate),
    ]
    rows = [row for pair in brain_pairs() for row in _race(session, methods, pair)]
    notes = (
        f"Medians of {session.runs}, whole processes; engines s is the time that the network, its "
        "fine-tuning and the field engine took in the last of them.",
    )
    return Table(f"Accuracy against time after {model.name}", _COLUMNS, rows, notes)


def between_contrasts(session: Session, model: Path) -> Table:
    """T2 of one person to T1 of another: the classical engine, and ``model`` with the field."""
    session.warm_up("mi")
    chosen = ("--model", str(model))
    return raced(
        session,
        [
            regkit(*HEADER, "--transform", "affine", name="affine"),
            regkit(*HEADER, name="default"),
            regkit(*HEADER, *chosen, "--refine", "none", name="network alone"),
            regkit(*HEADER, *chosen, name="field"),
        ],
    )


def after(folder: Path, model: Path, rate: float) -> list[Method]:
    """``model`` alone, with ever more of the field engine, and with ever more fine-tuning."""

    def one(name: str, refine: str, settings: Mapping[str, Any]) -> Method:
        path = folder / f"{name.replace(' ', '-')}.yaml"
        path.write_text(yaml.safe_dump(dict(settings)))
        words = ("--model", str(model), "--refine", refine, "--config", str(path))
        return regkit(*HEADER, *words, name=name)

    fields = [
        one(f"field {'+'.join(map(str, left))}", "field", {"field": _asked(left)})
        for left in FIELDS
    ]
    weights = [
        one(
            f"weights {steps}",
            "weights",
            {"tuning": {"iterations": steps, "learning_rate": rate, "tolerance": 0.0}},
        )
        for steps in STEPS
    ]
    return [one("network alone", "none", {}), *fields, one("field", "field", {}), *weights]


def _asked(left: Sequence[int]) -> Mapping[str, Any]:
    """What to ask for so that so many iterations are left after a network."""
    first, second, *rest = left
    return {
        "factors": [4, 2, 1][: len(left)],
        "iterations": [10 * first, (4 if rest else 2) * second, *(n - 1 for n in rest)],
        "min_work": 0,
    }


def _race(session: Session, methods: Sequence[Method], pair: PairFiles) -> list[Row]:
    judge = _Judge(
        fixed=rk.read_labels(pair.fixed_labels),
        moving=rk.read_labels(pair.moving_labels),
        inside=brain(rk.read(pair.fixed)),
        scored=pair.scored,
    )
    return judged_race(session, methods, (pair.fixed, pair.moving), judge, pair.name)


class _Judge(LabelJudge):
    """Labels, and what the engines took."""

    def __call__(self, method: Method, out: Path) -> Row:
        stages = json.loads(record(out, "run").read_text())["stages"]
        seconds = sum(stage["seconds"] for stage in stages if stage["name"] in _ENGINES)
        return {**super().__call__(method, out), "engines s": seconds}
