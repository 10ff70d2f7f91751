"""Maps with arrows, a scale bar and north; histograms of what tie points leave."""

from __future__ import annotations

import math

import numpy as np
import torch

from regkit.registration.scenes import SceneResult
from regkit.registration.scenes.ground import ground_of
from regkit.report.canvas import Panel, strip
from regkit.report.charts import chart_row, dress, picture
from regkit.report.palette import BLUE, ORANGE
from regkit.report.picture import Picture
from regkit.report.scene import Scene as Cuts

_KEPT, _REJECTED = "#ffb000", "#ff3b6b"
_ARROW = 0.06  # of the width of the map: the length of a typical arrow
_BAR = 0.25  # of the width: the longest scale bar


def shift_map(result: SceneResult, cuts: Cuts) -> Picture:
    """Draw the tie points as arrows on the reference: kept ones, and crosses for those rejected."""
    drawn = strip(cuts.planes)
    panel = drawn.panels[0]
    panel.show(cuts.fixed[0])
    ties = result.fit.ties
    places = _places(panel, result, ties.index)
    way = ties.shift @ result.grid.affine[:-1, :-1].T
    kept = ties.good
    for x, y in places[~kept]:
        panel.add(
            f'<path d="M{x - 1.9:.1f} {y - 1.9:.1f}l3.8 3.8m0 -3.8l-3.8 3.8" '
            f'style="stroke:{_REJECTED};stroke-width:.9"/>'
        )
    length = float(np.median(np.linalg.norm(way[kept], axis=1))) or 1.0
    scale = _ARROW * (panel.extent[1] - panel.extent[0]) / length
    for place, step in zip(places[kept], scale * way[kept] * [1, -1], strict=True):
        panel.add(_arrow(place, place + step, _KEPT, 1.4))
    _marks(panel, result)
    shown = length * ground_of(result.grid).metres
    return drawn.picture(
        f"Tie points on {result.pair.fixed.name}: {int(kept.sum())} arrows, of which the median is "
        f"{shown:.3g} m; {int((~kept).sum())} crosses for windows that were rejected.",
    )


def residual_chart(result: SceneResult) -> Picture:
    """Draw histograms of the residuals along both axes, and of what points left out are off."""
    figure, (left, right) = chart_row(2)
    rest = result.fit.residual[result.fit.ties.good]
    limit = max(float(np.quantile(np.abs(rest), 0.99)), 0.01)
    bins = np.linspace(-limit, limit, 41).tolist()
    for axis, (name, colour) in enumerate((("columns", BLUE), ("rows", ORANGE))):
        left.hist(rest[:, axis], bins=bins, histtype="step", color=colour, label=name)
    left.legend(fontsize=8, frameon=False)
    dress(left, "Residuals of the tie points", "pixels of the reference")
    off = result.fit.left_out
    top = max(float(np.quantile(off, 0.99)), 0.01)
    right.hist(np.minimum(off, top), bins=40, color=BLUE)
    dress(right, "Tie points against a map that did not know them", "pixels of the reference")
    return picture(figure, "Histograms of the residuals of tie points, in pixels.")


def _places(panel: Panel, result: SceneResult, index: np.ndarray) -> np.ndarray:
    """Where pixels of the reference lie on the picture, ``(N, 2)``."""
    where = result.grid.to_world(torch.from_numpy(np.ascontiguousarray(index)))
    at = panel.plane.grid.to_index(where).numpy()
    columns, rows = (panel.plane.grid.shape[axis] for axis in (panel.plane.across, panel.plane.up))
    return panel.at(rows - 1 - at[:, panel.plane.up], at[:, panel.plane.across], (rows, columns))


def _arrow(start: np.ndarray, end: np.ndarray, colour: str, width: float) -> str:
    """An arrow between two places ``(2,)`` in points; a dot where it has no length."""
    way = end - start
    size = float(np.hypot(*way))
    along = way / max(size, 1e-6) * min(5.0, max(size, 1.0))
    aside = np.array([-along[1], along[0]]) * 0.35
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in (end, end - along + aside, end - along - aside))
    return (
        f'<path d="M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}" '
        f'style="stroke:{colour};stroke-width:{width}"/>'
        f'<polygon points="{head}" style="fill:{colour}"/>'
    )


def _marks(panel: Panel, result: SceneResult) -> None:
    """A scale bar and an arrow to grid north."""
    left, right, top, bottom = panel.extent
    metres = panel.plane.size[0] * ground_of(result.grid).metres
    bar = round_length(_BAR * metres)
    across = bar / metres * (right - left)
    x, y = left + 25, bottom - 26
    panel.add(
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{across:.1f}" height="4.3" '
        'style="fill:#fff;stroke:#000;stroke-width:.6"/>'
    )
    shown = f"{bar / 1000:g} km" if bar >= 1000 else f"{bar:g} m"
    panel.text(x + across / 2, y - 8, shown, "fill:#fff;font-size:9px")
    north = right - 25
    panel.add(_arrow(np.array([north, top + 61]), np.array([north, top + 30]), "#fff", 1.2))
    panel.text(north, top + 21, "N", "fill:#fff;font-size:10px")


def round_length(most: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is not above ``most``.

    Examples
    --------
    >>> round_length(730.0), round_length(21000.0)
    (500.0, 20000.0)
    """
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)
