"""Report a sweep: a heat map of layers and timesteps, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from foundation.features.sweep import Cell
from regkit.report import Page, Section, figure, table
from regkit.report.charts import picture
from regkit.report.picture import Picture

_COLUMNS = ("Layer", "Timestep", "Mean error in pixels", "Within 2 pixels")


def sweep_page(title: str, cells: Sequence[Cell]) -> Page:
    """Make the report of a sweep."""
    best = min(cells, key=lambda cell: cell.error)
    text = (
        "The mean distance of the best match from the truth, in pixels; lower is better. The best "
        f"is {best.layer} at timestep {_time(best)}, with {best.error:.2f} pixels."
    )
    rows = [
        (c.layer, _time(c), f"{c.error:.2f}", f"{100 * c.within:.0f} %")
        for c in sorted(cells, key=lambda cell: cell.error)
    ]
    return Page(
        title,
        sections=[
            Section("Error by layer and timestep", [text, figure(_heat_map(cells))]),
            Section("All errors, the best first", [table(_COLUMNS, rows, numbers=_COLUMNS[1:])]),
        ],
    )


def sweep_csv(cells: Sequence[Cell]) -> str:
    """Write the numbers of a sweep as CSV."""
    lines = [f"{c.layer},{_time(c)},{c.error:.4f},{c.within:.4f}" for c in cells]
    return "\n".join(["layer,timestep,mean_error_pixels,share_within_2_pixels", *lines, ""])


def _time(cell: Cell) -> str:
    return "-" if cell.timestep is None else str(cell.timestep)


def _heat_map(cells: Sequence[Cell]) -> Picture:
    layers = list(dict.fromkeys(cell.layer for cell in cells))
    times = list(dict.fromkeys(map(_time, cells)))
    values = {(c.layer, _time(c)): c.error for c in cells}
    grid = [[values[layer, time] for time in times] for layer in layers]
    figure = Figure(figsize=(3.5 + 0.8 * len(times), 1.2 + 0.4 * len(layers)), layout="constrained")
    ax = figure.subplots()
    shown = ax.imshow(grid, cmap="viridis_r", aspect="auto")
    ax.set_xticks(range(len(times)), times)
    ax.set_yticks(range(len(layers)), layers, parse_math=False)
    ax.set_xlabel("timestep")
    middle = (min(values.values()) + max(values.values())) / 2
    for row, line in enumerate(grid):
        for column, value in enumerate(line):
            ink = "white" if value > middle else "black"  # large errors are dark
            ax.text(column, row, f"{value:.1f}", ha="center", va="center", color=ink)
    figure.colorbar(shown, label="mean error, pixels")
    return picture(
        figure, f"Heat map of the mean error: {len(layers)} layers, {len(times)} timesteps."
    )
