"""`python -m benchmarks.calibration`: how often quality is right to say pass, doubtful or fail.

Good results are those of regkit on the hard pairs, by their known truth; bad ones are those that
are wrong, results moved out of their place, and pairs that have nothing in common. Bounds were
chosen on one half of the pairs; the other half is printed apart.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import regkit as rk
from benchmarks.hard_pairs import families
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
from regkit.transforms import Affine

BAD_MM = 3.0
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
    f"Bad: a mean error above {BAD_MM:g} mm, or a pair that has nothing in common. Pairs of "
    "different people count as good as regkit leaves them. AUC: of the gravest check's severity."
)


def main(words: Sequence[str] | None = None) -> int:
    """Judge results and failures of every family that was asked for; print the table."""
    wanted = _parser().parse_args(words)
    set_threads(THREADS)
    cases = json.loads(wanted.json.read_text()) if wanted.json and wanted.json.exists() else []
    done = {case["family"] for case in cases}
    for family in [name for name in wanted.only or families() if name not in done]:
        say(f"family {family}")
        cases.extend(_cases_of(family))
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


def _cases_of(family: str) -> Iterator[dict[str, Any]]:
    for pair in families()[family]():
        try:
            yield from _of_pair(family, pair)
        except rk.InputError as error:
            say(f"{pair.name}: refused: {error}")


def _of_pair(family: str, pair: HardPair) -> Iterator[dict[str, Any]]:
    about_it = {"family": family, "pair": pair.name, "half": pair.half}
    options: dict[str, Any] = {**pair.options, "transform": pair.transform}
    result = rk.register(
        pair.fixed,
        pair.moving,
        fixed_mask=pair.fixed_mask,
        moving_mask=pair.moving_mask,
        **options,
    )
    error = _error(pair, result.transform)
    bad = not pair.is_solvable if error is None else error > BAD_MM
    say(f"{pair.name}: {error} mm, {result.quality}")
    yield about_it | {"case": "result", "error": error, "bad": bad} | _said(result.quality)
    if not isinstance(result.transform, Affine) or pair.fixed.ndim == 2 or bad or error is None:
        return
    prepared = _prepared(pair)
    for moved in _moved(prepared, result.transform.matrix):
        error = _error(pair, Affine(moved))
        if error is not None and error > BAD_MM:
            evidence = gather(prepared, moved, None)
            quality = assess(evidence, result.metrics, _extent(prepared))
            yield about_it | {"case": "moved", "error": error, "bad": True} | _said(quality)


def _said(quality: Any) -> dict[str, Any]:
    return {"severity": quality.severity, **quality.as_dict()}


def _error(pair: HardPair, phi: Any) -> float | None:
    """Mean distance from the truth in mm of the unscaled body; None without a truth."""
    if pair.truth is None:
        return None
    apart = phi(pair.points) - pair.truth(pair.points)
    return float(apart.square().sum(-1).sqrt().mean()) / pair.scale


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
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep and go on from there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
