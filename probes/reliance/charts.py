"""Charts of feature reliance: what is left over the levels, and indices with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from probes.reliance.rows import DONE, IndexRow, SkillRow
from regkit.report.charts import chart_row, dress, picture
from regkit.report.palette import FAINT, INK, SERIES
from regkit.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by any kind of colour vision (Okabe and Ito 2008), the first three as in all reports.
_ACROSS = 3
ModelOnData = tuple[str, str]


def colours_of(pairs: Sequence[ModelOnData]) -> dict[ModelOnData, str]:
    """Give every model and data set a colour.

    Parameters
    ----------
    pairs
        Data set and model.
    """
    return {pair: SERIES[number % len(SERIES)] for number, pair in enumerate(pairs)}


def level_curves(rows: Sequence[SkillRow], colours: Mapping[ModelOnData, str]) -> Iterator[Picture]:
    """Draw what is left of the skill over the levels, a chart for each suppressor.

    Parameters
    ----------
    rows
        All of them.
    colours
        One for each data set and model.
    """
    names = list(dict.fromkeys(row.suppressor for row in rows if row.cue))
    for first in range(0, len(names), _ACROSS):
        some = names[first : first + _ACROSS]
        figure, axes = chart_row(_ACROSS)
        for ax, name in zip(axes, some, strict=False):
            for pair, colour in colours.items():
                own = [r for r in rows if (r.data, r.model) == pair and r.suppressor == name]
                _curve(ax, [r for r in own if r.status == DONE], colour)
            ax.axhline(1, color=INK, linewidth=0.8, linestyle="--")
            ax.axhline(0, color=INK, linewidth=0.8)
            dress(ax, name, f"strength, {next(r.unit for r in rows if r.suppressor == name)}")
            ax.set_ylim(-0.15, 1.15)
            ax.set_ylabel("relative skill", fontsize=9, color=INK)
        for ax in axes[len(some) :]:
            ax.set_visible(False)
        yield picture(figure, f"Relative skill over the levels of {', '.join(some)}")


def index_chart(rows: Sequence[IndexRow], colours: Mapping[ModelOnData, str]) -> Picture:
    """Draw the reliance indices with their intervals, grouped by suppressor.

    Parameters
    ----------
    rows
        All of them.
    colours
        One for each data set and model.
    """
    ordered = sorted(rows, key=lambda row: list(dict.fromkeys(r.suppressor for r in rows)).index(
        row.suppressor
    ))  # fmt: skip
    figure = Figure(figsize=(11.0, 0.9 + 0.26 * len(ordered)), layout="constrained")
    ax = figure.subplots()
    for place, row in enumerate(ordered):
        colour = colours[row.data, row.model]
        ax.axhline(place, color=FAINT, linewidth=0.5)
        ax.plot([row.low, row.high], [place, place], color=colour, linewidth=1.5)
        ax.plot([row.index], [place], color=colour, marker="o", markersize=4)
    for value in (0, 1):
        ax.axvline(value, color=INK, linewidth=0.8)
    names = [f"{row.suppressor}: {row.model} on {row.data}" for row in ordered]
    ax.set_yticks(range(len(ordered)), names, parse_math=False)
    ax.set_ylim(len(ordered) - 0.5, -0.5)
    dress(ax, "", "reliance index: 0 nothing is lost, 1 nothing is left")
    return picture(figure, f"Reliance indices with intervals, {len(ordered)} of them")


def _curve(ax: Axes, rows: Sequence[SkillRow], colour: str) -> None:
    known = sorted(rows, key=lambda row: row.strength)
    across = [row.strength for row in known]
    # None becomes NaN, which is not drawn.
    middle, low, high = (
        np.array([getattr(row, name) for row in known], np.float64)
        for name in ("relative", "relative_low", "relative_high")
    )
    ax.plot(across, middle, color=colour, marker="o", markersize=3)
    ax.fill_between(across, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.vlines(across, low, high, color=colour, linewidth=1)  # also of one level alone
    ax.locator_params(axis="x", nbins=4)
