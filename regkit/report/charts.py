"""Charts: axes in the style of a report, in colours that any kind of colour vision tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPER, INK, FAINT = "#ffffff", "#1f2328", "#d5d9de"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
SIZE = (11.0, 3.1)  # inches: as wide as the page of a report


def chart_row(count: int) -> tuple[Figure, list[Axes]]:
    """Make ``count`` axes side by side, in all as wide as a page."""
    figure = Figure(figsize=SIZE, facecolor=PAPER, layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def dress(ax: Axes, title: str, across: str) -> None:
    """Give axes their title, the label below them, and quiet lines.

    Parameters
    ----------
    ax
        The axes, on which the chart may be drawn before or after.
    title
        What the chart shows.
    across
        The quantity along the horizontal axis, with its unit.
    """
    ax.set_facecolor(PAPER)
    # At its place at once: matplotlib would measure all else first to find room for it.
    ax.set_title(title, fontsize=10, color=INK, parse_math=False, y=1.0)
    ax.set_xlabel(across, fontsize=9, color=INK, parse_math=False)
    ax.tick_params(colors=INK, labelsize=8)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    for side, spine in ax.spines.items():
        spine.set_color(FAINT)
        spine.set_visible(side in ("left", "bottom"))
