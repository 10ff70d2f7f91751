"""What similarities come to on the same scenes: kept scene by scene, and compared in pairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.table import Row, Table

_RESAMPLED = 2000
COLUMNS = {
    "similarity": "",
    "mean mm": ".2f",
    "mean, 95 %": "",
    "p95 mm": ".2f",
    "p95, 95 %": "",
    "mean less that of the best intensity": "",
    "p95 less that of the best": "",
    "CPU s": ".2f",
}


@dataclass(frozen=True)
class Score:
    """Of one scene: mean and 95th percentile of the error, and CPU seconds."""

    mean: float
    p95: float
    seconds: float = 0.0


Scores = Mapping[str, Score]
"""By similarity."""


def kept(path: Path | None, names: Sequence[str], scored: Callable[[str], Score]) -> Scores:
    """The score of every name: that which ``path`` keeps, else a new one, kept there."""
    known: dict[str, Score] = {}
    if path is not None and path.is_file():
        known = {name: Score(**values) for name, values in json.loads(path.read_text()).items()}
    for name in names:
        if name not in known:
            known[name] = scored(name)
            if path is not None:
                path.write_text(json.dumps({n: asdict(s) for n, s in known.items()}))
    return {name: known[name] for name in names}


def compared(title: str, scenes: Sequence[Scores], rivals: Sequence[str]) -> Table:
    """One row a similarity, beside the one of ``rivals`` that has the smallest mean."""
    names = list(scenes[0])
    means = {name: [scores[name].mean for scores in scenes] for name in names}
    tails = {name: [scores[name].p95 for scores in scenes] for name in names}
    best, least = (_least(values, rivals) for values in (means, tails))

    def row(name: str) -> Row:
        own = name in rivals or best is None or least is None or name == "before"
        return {
            "similarity": name,
            "mean mm": float(np.mean(means[name])),
            "mean, 95 %": interval(means[name]),
            "p95 mm": float(np.mean(tails[name])),
            "p95, 95 %": interval(tails[name]),
            "mean less that of the best intensity": None if own else _apart(means, name, best),
            "p95 less that of the best": None if own else _apart(tails, name, least),
            "CPU s": float(np.median([scores[name].seconds for scores in scenes])),
        }

    notes = (
        f"{len(scenes)} warps; intervals by bootstrap over warps, those of differences over pairs. "
        f"Best intensity similarity: {best} by its mean, {least} by its 95th percentile.",
    )
    return Table(title, COLUMNS, [row(name) for name in names], notes)


def interval(values: Sequence[float], spec: str = ".2f") -> str:
    """Bootstrap interval of the mean: 2.5 to 97.5 %.

    Examples
    --------
    >>> interval([1.0, 1.0])
    '1.00 to 1.00'
    """
    draw = np.random.default_rng(0).choice(values, size=(_RESAMPLED, len(values)))
    low, high = np.quantile(draw.mean(axis=1), [0.025, 0.975])
    return f"{low:{spec}} to {high:{spec}}"


def _least(values: Mapping[str, Sequence[float]], rivals: Sequence[str]) -> str | None:
    run = [name for name in rivals if name in values]
    return min(run, key=lambda name: float(np.mean(values[name]))) if run else None


def _apart(values: Mapping[str, Sequence[float]], name: str, rival: str | None) -> str:
    """The mean difference of pairs, and its interval."""
    pairs = np.subtract(values[name], values[rival or name])
    return f"{pairs.mean():+.3f} ({interval(pairs.tolist(), '+.3f')})"
