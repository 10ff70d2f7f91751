"""What similarities come to on the same scenes: kept scene by scene, and compared in pairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.table import Row, Table
from regkit.statistics import bootstrap_interval

_RESAMPLED = 2000
SECONDS = "seconds"

Score = Mapping[str, float]
"""Of one scene: every measure, and CPU ``seconds``."""
Scores = Mapping[str, Score]
"""By similarity."""


@dataclass(frozen=True)
class Measure:
    """What a score calls it, what a table does, and whether more of it is better."""

    key: str
    title: str
    higher: bool = False

    def best(self, scenes: Sequence[Scores], names: Sequence[str]) -> str | None:
        """The one of ``names`` with the best mean."""
        run = [name for name in names if name in scenes[0]]
        sign = -1 if self.higher else 1
        return min(run, key=lambda name: sign * np.mean(self.of(scenes, name)), default=None)

    def of(self, scenes: Sequence[Scores], name: str) -> list[float]:
        """Scene by scene."""
        return [scores[name][self.key] for scores in scenes]


def kept(path: Path | None, names: Sequence[str], scored: Callable[[str], Score]) -> Scores:
    """The score of every name: that which ``path`` keeps, else a new one, kept there."""
    known: dict[str, Score] = {}
    if path is not None and path.is_file():
        known = json.loads(path.read_text())
    for name in names:
        if name not in known:
            known[name] = scored(name)
            if path is not None:
                path.write_text(json.dumps(known))
    return {name: known[name] for name in names}


def compared(
    title: str,
    scenes: Sequence[Scores],
    measures: Sequence[Measure],
    rivals: Sequence[str],
    unit: str = "warps",
) -> Table:
    """One row a similarity; those that are no rivals beside the best of ``rivals``."""
    best = {each.key: each.best(scenes, rivals) for each in measures}

    def row(name: str) -> Row:
        out: dict[str, object] = {"similarity": name}
        for each in measures:
            values, rival = each.of(scenes, name), best[each.key]
            out[each.title] = float(np.mean(values))
            out[_range(each)] = interval(values)
            if rival is not None and name not in (*rivals, "before"):
                out[_less(each)] = _apart(values, each.of(scenes, rival))
        out["CPU s"] = float(np.median([scores[name][SECONDS] for scores in scenes]))
        return out

    columns = {"similarity": ""}
    for each in measures:
        columns |= {each.title: ".3f" if each.higher else ".2f", _range(each): "", _less(each): ""}
    named = "; ".join(f"{each.title}: {best[each.key]}" for each in measures)
    notes = (
        f"{len(scenes)} {unit}; intervals of 95 % by bootstrap, those of differences over pairs. "
        f"The best intensity similarity by {named}.",
    )
    return Table(title, columns | {"CPU s": ".2f"}, [row(name) for name in scenes[0]], notes)


def interval(values: Sequence[float], spec: str = ".2f") -> str:
    """Bootstrap interval of the mean: 2.5 to 97.5 %.

    Examples
    --------
    >>> interval([1.0, 1.0]), interval([1.0])
    ('1.00 to 1.00', 'one alone')
    """
    if len(values) < 2:
        return "one alone"
    found = bootstrap_interval(
        values, generator=np.random.default_rng(0), method="percentile", resamples=_RESAMPLED
    )
    return f"{found.low:{spec}} to {found.high:{spec}}"


def _range(measure: Measure) -> str:
    return f"{measure.title}, 95 %"


def _less(measure: Measure) -> str:
    return f"{measure.title} less the best intensity's"


def _apart(values: Sequence[float], rival: Sequence[float]) -> str:
    """The mean difference of pairs, and its interval."""
    pairs = np.subtract(values, rival)
    return f"{pairs.mean():+.3f} ({interval(pairs.tolist(), '+.3f')})"
