"""Two brains, both ways: accuracy, time and memory beside the peers."""

from __future__ import annotations

import regkit as rk
from benchmarks.data import PairFiles, brain, brain_pairs
from benchmarks.judge import LabelJudge, judged_race
from benchmarks.methods import (
    CONVEX_ADAM,
    DEMONS,
    DEMONS_HALF,
    GREEDY,
    GREEDY_HALF,
    PRESETS,
    SYN_QUICK,
    regkit,
)
from benchmarks.quality import OVERLAP, REGULARITY
from benchmarks.session import Session
from benchmarks.table import Row, Table
from benchmarks.timing import COST

_OWN = (*PRESETS, regkit("--init", "header", name="default, --init header"))
_PEERS = (GREEDY, GREEDY_HALF, DEMONS, DEMONS_HALF, SYN_QUICK, CONVEX_ADAM)
_COLUMNS = {"pair": "", "method": "", **OVERLAP, **REGULARITY, "IC p95 mm": ".3f", **COST}


def brain_case(session: Session) -> list[Table]:
    """`regkit register` with its presets against greedy, demons and SyNQuick."""
    session.warm_up("lncc2")
    rows = [row for pair in brain_pairs() for row in _race(session, pair)]
    notes = (
        f"Medians of {session.runs}; Dice over 30 labels, warped by nearest neighbour; folding and "
        "sd log J inside the brain of fixed; 160x192x224 voxels.",
        "Every method starts from the files as they are (affinely aligned already). Times and "
        "memory are of the whole process; regkit also aligns affinely, and writes image, both "
        "transforms, Jacobian and report, the peers only their field.",
    )
    return [Table("Two brains (brain_t1), both ways", _COLUMNS, rows, notes)]


def _race(session: Session, pair: PairFiles) -> list[Row]:
    judge = LabelJudge(
        fixed=rk.read_labels(pair.fixed_labels),
        moving=rk.read_labels(pair.moving_labels),
        inside=brain(rk.read(pair.fixed)),
        scored=pair.scored,
    )
    methods = session.methods(_OWN, _PEERS)
    return judged_race(session, methods, (pair.fixed, pair.moving), judge, pair.name)
