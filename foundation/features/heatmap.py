"""The page of a sweep: a heat map of layers and timesteps, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from io import StringIO

from matplotlib.figure import Figure

from foundation.features.sweep import Cell

_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "td,th{padding:.1em 1em .1em 0;text-align:left}"
)


def page(title: str, cells: Sequence[Cell]) -> str:
    """One self-contained HTML page."""
    best = min(cells, key=lambda cell: cell.error)
    rows = "".join(
        f"<tr><td>{escape(c.layer)}<td>{_time(c)}<td>{c.error:.2f}<td>{100 * c.within:.0f} %"
        for c in sorted(cells, key=lambda cell: cell.error)
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>Mean distance in pixels of the best match from the truth; "
        f"lower is better. Best: {escape(best.layer)} at {_time(best)}, {best.error:.2f}.</p>"
        f"{_figure(cells)}<table><tr><th>layer<th>timestep<th>mean error<th>within 2 pixels"
        f"{rows}</table>\n"
    )


def table(cells: Sequence[Cell]) -> str:
    """The same as CSV."""
    lines = [f"{c.layer},{_time(c)},{c.error:.4f},{c.within:.4f}" for c in cells]
    return "\n".join(["layer,timestep,mean_error_pixels,share_within_2_pixels", *lines, ""])


def _time(cell: Cell) -> str:
    return "-" if cell.timestep is None else str(cell.timestep)


def _figure(cells: Sequence[Cell]) -> str:
    layers = list(dict.fromkeys(cell.layer for cell in cells))
    times = list(dict.fromkeys(map(_time, cells)))
    values = {(c.layer, _time(c)): c.error for c in cells}
    grid = [[values[layer, time] for time in times] for layer in layers]
    figure = Figure(figsize=(2.5 + 0.8 * len(times), 1.2 + 0.4 * len(layers)), layout="constrained")
    ax = figure.subplots()
    shown = ax.imshow(grid, cmap="viridis_r", aspect="auto")
    ax.set_xticks(range(len(times)), times)
    ax.set_yticks(range(len(layers)), layers)
    ax.set_xlabel("timestep")
    for row, line in enumerate(grid):
        for column, value in enumerate(line):
            ax.text(column, row, f"{value:.1f}", ha="center", va="center", color="white")
    figure.colorbar(shown, label="mean error, pixels")
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue().partition("<svg")[1] + out.getvalue().partition("<svg")[2]
