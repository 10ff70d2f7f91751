"""A table of values as colours, with the numbers in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from regkit.report.charts import picture
from regkit.report.palette import INK
from regkit.report.picture import Picture

_LONGEST = 56  # letters of a title beside a chart


def heat_map(
    rows: Sequence[str], columns: Sequence[str], values: Mapping[tuple[str, str], float], what: str
) -> Picture:
    """Draw a table of values from 0 to 1 as colours, with the numbers in it.

    Parameters
    ----------
    rows, columns
        Their titles, in order.
    values
        By row and column; what is missing stays empty.
    what
        What the values are.
    """
    titles = [fitted_title(row) for row in rows]
    width = 1.6 + 0.07 * max(map(len, titles)) + 0.9 * len(columns)
    size = (min(11.0, width), 1.4 + 0.3 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.subplots()
    grid = [[values.get((row, column), float("nan")) for column in columns] for row in rows]
    shown = ax.imshow(grid, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, rotation=35, ha="right", fontsize=8)
    ax.set_yticks(range(len(rows)), titles, fontsize=8)
    for n, line in enumerate(grid):
        for m, value in enumerate(line):
            text, ink = ("", INK) if value != value else (f"{value:.2f}", _ink(value))
            ax.text(m, n, text, ha="center", va="center", color=ink, fontsize=8)
    figure.colorbar(shown, label=what)
    return picture(figure, f"{what} of {len(rows)} rows in {len(columns)} columns")


def fitted_title(title: str) -> str:
    """Return a title that leaves room for the chart: of a model with a long path, both ends."""
    return title if len(title) <= _LONGEST else f"{title[:20]}\u2026{title[21 - _LONGEST :]}"


def _ink(value: float) -> str:
    return "black" if value > 0.6 else "white"  # small values are dark
