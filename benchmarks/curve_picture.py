"""`python -m benchmarks.curve_picture FIGURES.json`: accuracy against time, for the README.

The file is what ``python -m benchmarks.register --peers --only brain --json`` kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

PICTURE = Path("docs/accuracy_time.png")
_OWN = ("regkit fast", "regkit default", "regkit accurate")
_BESIDE = "regkit default"  # the next preset lies at its right
_LEFT_OUT = ("before", "regkit default, --init header")

Point = tuple[str, float, float]


def main(words: Sequence[str]) -> None:
    """Write ``docs/accuracy_time.png``."""
    (source,) = words
    draw(points(json.loads(Path(source).read_text()))).savefig(
        PICTURE, dpi=130, metadata={"Software": None}
    )


def points(figures: dict[str, Any]) -> list[Point]:
    """Name, seconds and Dice of every method, averaged over both ways."""
    (table,) = figures["cases"]["brain"]
    rows = [row for row in table["rows"] if isinstance(row.get("wall s"), float)]
    names = dict.fromkeys(row["method"] for row in rows)
    return [
        (name, _mean(rows, name, "wall s"), _mean(rows, name, "Dice"))
        for name in names
        if name not in _LEFT_OUT
    ]


def draw(found: Iterable[Point]) -> Figure:
    """The curve of regkit's presets among the points of its peers; seconds are logarithmic."""
    found = list(found)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    own = [point for point in found if point[0] in _OWN]
    axes.plot([p[1] for p in own], [p[2] for p in own], "o-", color="#0072b2", zorder=3)
    peers = [point for point in found if point not in own]
    axes.plot([p[1] for p in peers], [p[2] for p in peers], "s", color="#666666")
    for point in found:
        _name(axes, point, own=point in own)
    axes.set_xscale("log")
    ticks = [2, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [f"{t}" for t in ticks])
    axes.minorticks_off()
    axes.set_xlim(0.55 * min(p[1] for p in found), 2.2 * max(p[1] for p in found))
    axes.set_xlabel("seconds, whole command, two CPU threads")
    axes.set_ylabel("mean Dice, 30 structures, both ways")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _name(axes: Axes, point: Point, *, own: bool) -> None:
    name, seconds, dice = point
    beside = name == _BESIDE
    axes.annotate(
        name,
        (seconds, dice),
        xytext=(-7 if beside else 7, -10 if own and not beside else -3),  # under the line
        horizontalalignment="right" if beside else "left",
        textcoords="offset points",
        fontsize=8,
        color="#0072b2" if own else "#333333",
        weight="bold" if own else "normal",
    )


def _mean(rows: list[dict[str, Any]], name: str, column: str) -> float:
    return float(mean(row[column] for row in rows if row["method"] == name))


if __name__ == "__main__":
    main(sys.argv[1:])
