"""How the similarity fell, stage by stage and level by level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from regkit.registration.result import EngineStage, Level
from regkit.report.canvas import Picture, picture
from regkit.report.charts import BLUE, FAINT, INK, PAPER, SIZE, dress

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def similarity_curves(stages: Sequence[EngineStage], *, unit: str = "mm") -> Picture | None:
    """Plot the similarity in one panel for each stage, level after level; none if none iterated.

    A filled dot ends a level that converged, an open one a level that reached its bound. Voxels are
    measured in ``unit``.
    """
    shown = [stage for stage in stages if any(level.values for level in stage.levels)]
    if not shown:
        return None
    figure = Figure(figsize=SIZE, facecolor=PAPER)
    widths = [max(1.0, _total(stage) / max(map(_total, shown)) * 2) for stage in shown]
    panels = figure.subplots(1, len(shown), squeeze=False, width_ratios=widths)[0]
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.165, top=0.88, wspace=0.27)
    for ax, stage in zip(panels, shown, strict=True):
        _draw(ax, stage, unit)
    return picture(figure, _words(shown))


def _draw(ax: Axes, stage: EngineStage, unit: str) -> None:
    start = 0
    for level in (level for level in stage.levels if level.values):
        steps = range(start, start + len(level.values))
        ax.plot(steps, level.values, color=BLUE, linewidth=1.4)
        face = BLUE if level.converged else PAPER
        ax.plot(steps[-1], level.values[-1], "o", ms=5, mec=BLUE, mfc=face, mew=1.3)
        if start:
            ax.axvline(start - 0.5, color=FAINT, linewidth=1)
        ax.annotate(
            _size(level, unit), (start, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
            textcoords="offset points", va="top", fontsize=8, color=INK,
            annotation_clip=False,
        )  # fmt: skip
        start += len(level.values)
    _dress(ax, stage)


def _dress(ax: Axes, stage: EngineStage) -> None:
    dress(ax, f"{stage.name}: {stage.similarity}", "iteration")
    ax.margins(y=0.16)
    ax.locator_params(nbins=6)
    # Whole values: an offset above the axis would lie on the title.
    ax.ticklabel_format(axis="y", style="plain", useOffset=False)


def _size(level: Level, unit: str) -> str:
    low, high = min(level.spacing), max(level.spacing)
    return f"{high:.3g} {unit}" if high < 1.05 * low else f"{low:.3g}-{high:.3g} {unit}"


def _total(stage: EngineStage) -> int:
    return sum(len(level.values) for level in stage.levels)


def _words(stages: Sequence[EngineStage]) -> str:
    ends = [[v for level in stage.levels for v in level.values] for stage in stages]
    parts = [
        f"{stage.name}, {len(values)} iterations, from {values[0]:.4g} to {values[-1]:.4g}"
        for stage, values in zip(stages, ends, strict=True)
    ]
    return "Similarity against iteration (lower is better): " + "; ".join(parts) + "."
