"""Charts by matplotlib, in the style of a report.

They are made with its objects, never through pyplot, so that nothing global changes, and written as
SVG: the browser draws lines and letters.
"""

from __future__ import annotations

import re
from io import StringIO
from threading import Lock
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from regkit.report.palette import FAINT, INK, PAPER
from regkit.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (11.0, 3.1)  # inches: as wide as the page of a report

# The same figure gives the same bytes, and letters stay letters. These options exist for the
# whole process only, hence the lock: reports are written in threads.
_OPTIONS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "regkit",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
}
_LOCK = Lock()
_UNDATED = dict.fromkeys(("Creator", "Date", "Format", "Type"))
# Pictures are magnified smoothly, as by any viewer, not in blocks.
_BLOCKS = "image-rendering:crisp-edges;image-rendering:pixelated"
# Paths to a tenth of a point, instead of a millionth.
_PATH, _FINER = re.compile(r'\bd="[^"]*"'), re.compile(r"(?<=\.\d)\d+")


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


def picture(figure: Figure, alt: str) -> Picture:
    """Render a figure as SVG; ``alt`` are the words that stand for it where it cannot be seen."""
    stream = StringIO()
    with _LOCK, rc_context(_OPTIONS):
        figure.savefig(stream, format="svg", facecolor=figure.get_facecolor(), metadata=_UNDATED)
    return Picture(_slim(stream.getvalue()), alt)


def _slim(svg: str) -> str:
    """The same drawing in fewer bytes."""
    paths = _PATH.sub(lambda found: _FINER.sub("", found[0]), svg)
    return " ".join(paths.replace(_BLOCKS, "").split())
