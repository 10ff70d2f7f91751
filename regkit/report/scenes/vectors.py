"""Maps with arrows, a scale bar and north; histograms of what tie points leave."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from matplotlib.patches import Rectangle

from regkit.registration.scenes import SceneResult
from regkit.report.canvas import Panel, Picture, picture, strip
from regkit.report.charts import BLUE, ORANGE, chart_row, dress
from regkit.report.scene import Scene as Cuts

_KEPT, _REJECTED = "#ffb000", "#ff3b6b"
_ARROW = 0.06  # of the width of the map: the length of a typical arrow
_BAR = 0.25  # of the width: the longest scale bar


def shift_map(result: SceneResult, cuts: Cuts) -> Picture:
    """Draw the tie points as arrows on the reference: kept ones, and crosses for those rejected."""
    figure, panels = strip(cuts.planes)
    panel = panels[0]
    panel.show(cuts.fixed[0])
    ties = result.fit.ties
    x, y = _places(panel, result, ties.index)
    way = ties.shift @ result.grid.affine[:-1, :-1].T
    kept = ties.good
    panel.axes.scatter(x[~kept], y[~kept], marker="x", s=14, c=_REJECTED, linewidths=0.9, zorder=6)
    length = float(np.median(np.linalg.norm(way[kept], axis=1))) or 1.0
    width = panel.extent[1] - panel.extent[0]
    panel.axes.quiver(
        x[kept], y[kept], way[kept, 0], way[kept, 1], color=_KEPT, angles="xy", scale_units="xy",
        scale=length / (_ARROW * width), width=0.0018, zorder=7,
    )  # fmt: skip
    _marks(panel, result)
    shown = length * result.grid.world.scale_to("m")
    return picture(
        figure,
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


def _places(panel: Panel, result: SceneResult, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels of the reference lie on the picture."""
    where = result.grid.to_world(torch.from_numpy(np.ascontiguousarray(index)))
    at = panel.plane.grid.to_index(where).numpy()
    left, right, bottom, top = panel.extent
    columns, rows = (panel.plane.grid.shape[axis] for axis in (panel.plane.across, panel.plane.up))
    x = left + (at[:, panel.plane.across] + 0.5) / columns * (right - left)
    y = bottom + (at[:, panel.plane.up] + 0.5) / rows * (top - bottom)
    return x, y


def _marks(panel: Panel, result: SceneResult) -> None:
    """A scale bar and an arrow to grid north."""
    left, right, bottom, top = panel.extent
    metres = panel.plane.size[0] * result.grid.world.scale_to("m")
    bar = round_length(_BAR * metres)
    across = bar / metres * (right - left)
    x, y, inch = left + 0.35, bottom + 0.3, 0.06
    panel.axes.add_patch(Rectangle((x, y), across, inch, fc="white", ec="black", lw=0.6, zorder=8))
    shown = f"{bar / 1000:g} km" if bar >= 1000 else f"{bar:g} m"
    said: dict[str, Any] = {"color": "white", "fontsize": 9, "zorder": 9, "parse_math": False}
    panel.axes.text(x + across / 2, y + inch + 0.05, shown, ha="center", va="bottom", **said)
    panel.axes.annotate(
        "N", (right - 0.35, top - 0.3), (right - 0.35, top - 0.85), color="white", fontsize=10,
        ha="center", va="center", zorder=9, arrowprops={"arrowstyle": "-|>", "color": "white"},
    )  # fmt: skip


def round_length(most: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is not above ``most``.

    Examples
    --------
    >>> round_length(730.0), round_length(21000.0)
    (500.0, 20000.0)
    """
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)
