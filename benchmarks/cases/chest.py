"""Two chests, both ways: a large, sliding deformation at low resolution."""

from __future__ import annotations

import regkit as rk
from benchmarks.data import PairFiles, as_float, chest_pairs
from benchmarks.judge import LabelJudge, judged_race
from benchmarks.measure import THREADS
from benchmarks.methods import DEMONS, GREEDY, PRESETS, SYN_QUICK, regkit
from benchmarks.quality import OVERLAP, REGULARITY
from benchmarks.session import Session
from benchmarks.table import Row, Table
from benchmarks.timing import COST

_OWN = (*PRESETS, regkit("--similarity", "mi", name="default, mi"))
_PEERS = (GREEDY, DEMONS, SYN_QUICK)
_COLUMNS = {"pair": "", "method": "", **OVERLAP, **REGULARITY, "IC p95 mm": ".3f", **COST}


def chest_case(session: Session) -> list[Table]:
    """Dice of the five lobes from one affine start."""
    session.warm_up("lncc2", "mi")
    rows = [row for pair in chest_pairs() for row in _race(session, pair)]
    notes = (
        f"Medians of {session.runs}; Dice over five lobes; folding and sd log J inside the lungs.",
        "The moving image was resampled through regkit's affine before any method, regkit "
        "included, saw it; labels are sampled once, through both transforms.",
    )
    return [Table("Two chests (chest_mr, 3.9 mm), both ways", _COLUMNS, rows, notes)]


def _race(session: Session, pair: PairFiles) -> list[Row]:
    fixed, moving = as_float(rk.read(pair.fixed)), as_float(rk.read(pair.moving))
    lobes = rk.read_labels(pair.fixed_labels)
    start = rk.register(fixed, moving, transform="affine", threads=THREADS)
    files = (session.save(fixed, "chest_fixed"), session.save(start.warped, "chest_moving"))
    judge = LabelJudge(
        fixed=lobes,
        moving=rk.read_labels(pair.moving_labels),
        inside=lobes,
        start=start.transform,
    )
    return judged_race(session, session.methods(_OWN, _PEERS), files, judge, pair.name)
