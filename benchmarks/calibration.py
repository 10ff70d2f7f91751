"""`python -m benchmarks.calibration`: how often quality is right to say pass, doubtful or fail.

Good results are those of regkit on the hard pairs, by their known truth; bad ones are those that
are wrong, results moved out of their place, and pairs that have nothing in common. Bounds were
chosen on one half of the pairs; the other half is printed apart.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import regkit as rk
from benchmarks.hard import read
from benchmarks.hard_pairs import families
from benchmarks.hard_pairs.judging import Outcome, best_dice, judged
from benchmarks.hard_pairs.methods import FIELD
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.measure import THREADS
from benchmarks.session import say
from benchmarks.table import Row, Table
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.kernels.backend import set_threads
from regkit.registration.check import as_mask
from regkit.registration.evidence import gather
from regkit.registration.pair import Pair, pair_of
from regkit.registration.prepared import PreparedImage
from regkit.registration.quality import assess
from regkit.transforms import Affine, DisplacementField, Transform, compose, links

BAD_MM, BAD_DICE = 3.0, 0.1
_MOVES = (0.03, 0.06, 0.12, 0.3)  # of the extent, and half as much again in radians
_SHARE = ".1f"
_COLUMNS = {
    "half": "",
    "good": "d",
    "good: pass %": _SHARE,
    "good: fail %": _SHARE,
    "bad": "d",
    "bad: pass %": _SHARE,
    "bad: fail %": _SHARE,
    "AUC": ".4f",
}
_NOTE = (
    f"Bad: a mean error above {BAD_MM:g} mm, a Dice more than {BAD_DICE:g} below the best of "
    "regkit's field and affine (and of the peers, with --beside), or a pair that has nothing in "
    "common. AUC: of the gravest check's severity."
)


def main(words: Sequence[str] | None = None) -> int:
    """Judge results and failures of every family that was asked for; print the table."""
    wanted = _parser().parse_args(words)
    set_threads(THREADS)
    cases = json.loads(wanted.json.read_text()) if wanted.json and wanted.json.exists() else []
    done = {case["family"] for case in cases}
    peers = best_dice(each for path in wanted.beside for each in read(path))
    for family in [name for name in wanted.only or families() if name not in done]:
        say(f"family {family}")
        cases.extend(_cases_of(family, wanted.half, peers))
        if wanted.json:
            wanted.json.write_text(json.dumps(cases))
    print(table(cases).markdown())
    return 0


def table(cases: Sequence[dict[str, Any]]) -> Table:
    """The rates of both halves, and of all."""
    halves = {half: [case for case in cases if case["half"] == half] for half in ("tune", "judge")}
    rows = [_row(name, chosen) for name, chosen in (*halves.items(), ("all", cases)) if chosen]
    return Table("Quality against the truth", _COLUMNS, rows, (_NOTE,))


def _row(half: str, cases: Sequence[dict[str, Any]]) -> Row:
    good = [case["severity"] for case in cases if not case["bad"]]
    bad = [case["severity"] for case in cases if case["bad"]]
    return {
        "half": half,
        "good": len(good),
        "good: pass %": _percent(good, lambda s: s <= 0),
        "good: fail %": _percent(good, lambda s: s > 1),
        "bad": len(bad),
        "bad: pass %": _percent(bad, lambda s: s <= 0),
        "bad: fail %": _percent(bad, lambda s: s > 1),
        "AUC": area(np.array(good), np.array(bad)),
    }


def _percent(values: Sequence[float], counts: Any) -> float:
    return 100 * float(np.mean([counts(value) for value in values])) if values else float("nan")


def area(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Area under the ROC curve: how often one of ``high`` is above one of ``low``."""
    if not len(low) or not len(high):
        return float("nan")
    above = (high[:, None] > low).mean()
    return float(above + 0.5 * (high[:, None] == low).mean())


def _cases_of(
    family: str, half: str, peers: Mapping[tuple[str, str, str], float]
) -> Iterator[dict[str, Any]]:
    for pair in [each for each in families()[family]() if half in (each.half, "all")]:
        try:
            yield from _of_pair(family, pair, peers.get((family, pair.name, FIELD), 0.0))
        except rk.InputError as error:
            say(f"{pair.name}: refused: {error}")


def _of_pair(family: str, pair: HardPair, best: float) -> Iterator[dict[str, Any]]:
    """The result, and the result moved out of its place; ``best`` is the peers' best Dice."""
    about_it = {"family": family, "pair": pair.name, "half": pair.half}
    result = _registered(pair, pair.transform)
    value = _judged(pair, result.transform)
    if pair.fixed_labels is not None:
        best = max(best, value, _judged(pair, _registered(pair, "affine").transform))
    bad = _is_bad(pair, value, best)
    say(f"{pair.name}: {value:.3f}, {result.quality}")
    yield about_it | {"case": "result", "value": value, "bad": bad} | _said(result.quality)
    if pair.fixed.ndim == 2 or bad:
        return
    prepared = _prepared(pair)
    first, *fields = links(result.transform)
    field = fields[0] if fields and isinstance(fields[0], DisplacementField) else None
    for moved in _moved(prepared, first.matrix if isinstance(first, Affine) else np.eye(4)):
        value = _judged(pair, compose(Affine(moved), *fields))
        if _is_bad(pair, value, best):
            quality = assess(gather(prepared, moved, field), result.metrics, _extent(prepared))
            yield about_it | {"case": "moved", "value": value, "bad": True} | _said(quality)


def _registered(pair: HardPair, transform: str) -> rk.Result:
    options: dict[str, Any] = {**pair.options, "transform": transform}
    options |= {"fixed_mask": pair.fixed_mask, "moving_mask": pair.moving_mask}
    return rk.register(pair.fixed, pair.moving, **options)


def _said(quality: Any) -> dict[str, Any]:
    return {"severity": quality.severity, **quality.as_dict()}


def _judged(pair: HardPair, phi: Transform) -> float:
    """Mean distance from the truth in mm of the unscaled body, or the overlap; NaN without."""
    found = judged(Outcome(pair.family, pair.name, pair.half, ""), pair, phi)
    return next((value for value in (found.mean, found.dice) if value is not None), math.nan)


def _is_bad(pair: HardPair, value: float, best: float) -> bool:
    if pair.truth is not None:
        return value > BAD_MM
    return value < best - BAD_DICE if pair.fixed_labels is not None else True


def _moved(pair: Pair, affine: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    for share in _MOVES:
        shift, axis = (_unit(rng) for _ in range(2))
        turn = about(pair.fixed.grid.centre, rotation((1.5 * share * axis).tolist()))
        yield affine @ homogeneous(np.eye(3), share * _extent(pair) * shift) @ turn


def _unit(rng: np.random.Generator) -> NDArray[np.float64]:
    way = rng.normal(size=3)
    unit: NDArray[np.float64] = way / np.linalg.norm(way)
    return unit


def _extent(pair: Pair) -> float:
    return float(np.max(np.array(pair.grid.shape) * np.array(pair.grid.spacing)))


def _prepared(pair: HardPair) -> Pair:
    """As the pipeline prepares it on a CPU, with the default preset."""
    import torch

    return pair_of(
        PreparedImage(pair.fixed, as_mask(pair.fixed_mask, pair.fixed)),
        PreparedImage(pair.moving, as_mask(pair.moving_mask, pair.moving)),
        multiple=4,
        max_voxels=16_000_000,
        device=torch.device("cpu"),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    names = list(families())
    parser.add_argument("--only", nargs="+", choices=names, metavar="FAMILY")
    parser.add_argument("--half", choices=("tune", "judge", "all"), default="all")
    told = "what benchmarks.hard kept of the peers, whose overlap counts too"
    parser.add_argument("--beside", type=Path, nargs="+", default=[], metavar="FILE", help=told)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep and go on from there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
