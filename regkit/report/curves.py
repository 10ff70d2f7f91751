"""How the similarity fell, stage by stage and level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from regkit.registration.result import Level, Stage
from regkit.report.canvas import Picture, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Theme:
    """Colours of a line figure on a light or a dark page."""

    paper: str
    ink: str
    faint: str
    line: str


LIGHT = Theme(paper="#ffffff", ink="#1f2328", faint="#d5d9de", line="#0072b2")
DARK = Theme(paper="#1c1f24", ink="#e6e8eb", faint="#3a3f47", line="#56b4e9")


def similarity_curves(
    stages: Sequence[Stage], *, unit: str = "mm"
) -> tuple[Picture, Picture] | None:
    """One panel a stage, every level after the other; none if no stage iterated.

    A filled dot ends a level that converged, an open one a level that reached its bound. Voxels are
    measured in ``unit``.

    Returns
    -------
    tuple
        The figure for a light page and for a dark one.
    """
    shown = [stage for stage in stages if any(level.values for level in stage.levels)]
    if not shown:
        return None
    figure = Figure(figsize=(11.0, 3.1), facecolor=LIGHT.paper)
    widths = [max(1.0, _total(stage) / max(map(_total, shown)) * 2) for stage in shown]
    panels = figure.subplots(1, len(shown), squeeze=False, width_ratios=widths)[0]
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.165, top=0.88, wspace=0.27)
    for ax, stage in zip(panels, shown, strict=True):
        _draw(ax, stage, LIGHT, unit)
    light = picture(figure, _words(shown))
    return light, _darkened(light)


def _darkened(light: Picture) -> Picture:
    """The same drawing in the colours of a dark page, without drawing it again."""
    svg, colours = light.svg, asdict(DARK)
    for name, colour in asdict(LIGHT).items():
        svg = svg.replace(colour, colours[name])
    return Picture(svg, light.alt)


def _draw(ax: Axes, stage: Stage, theme: Theme, unit: str) -> None:
    start = 0
    for level in (level for level in stage.levels if level.values):
        steps = range(start, start + len(level.values))
        ax.plot(steps, level.values, color=theme.line, linewidth=1.4)
        face = theme.line if level.converged else theme.paper
        ax.plot(steps[-1], level.values[-1], "o", ms=5, mec=theme.line, mfc=face, mew=1.3)
        if start:
            ax.axvline(start - 0.5, color=theme.faint, linewidth=1)
        ax.annotate(
            _size(level, unit), (start, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
            textcoords="offset points", va="top", fontsize=8, color=theme.ink,
            annotation_clip=False,
        )  # fmt: skip
        start += len(level.values)
    _dress(ax, stage, theme)


def _dress(ax: Axes, stage: Stage, theme: Theme) -> None:
    ax.set_facecolor(theme.paper)
    ax.set_title(
        f"{stage.name}: {stage.similarity}", fontsize=10, color=theme.ink, parse_math=False,
        # At its place at once: matplotlib would measure all else first to find room for it.
        y=1.0,
    )  # fmt: skip
    ax.set_xlabel("iteration", fontsize=9, color=theme.ink)
    ax.margins(y=0.16)
    ax.locator_params(nbins=6)
    # Whole values: an offset above the axis would lie on the title.
    ax.ticklabel_format(axis="y", style="plain", useOffset=False)
    ax.tick_params(colors=theme.ink, labelsize=8)
    ax.grid(axis="y", color=theme.faint, linewidth=0.6)
    for side, spine in ax.spines.items():
        spine.set_color(theme.faint)
        spine.set_visible(side in ("left", "bottom"))


def _size(level: Level, unit: str) -> str:
    low, high = min(level.spacing), max(level.spacing)
    return f"{high:.3g} {unit}" if high < 1.05 * low else f"{low:.3g}-{high:.3g} {unit}"


def _total(stage: Stage) -> int:
    return sum(len(level.values) for level in stage.levels)


def _words(stages: Sequence[Stage]) -> str:
    ends = [[v for level in stage.levels for v in level.values] for stage in stages]
    parts = [
        f"{stage.name}, {len(values)} iterations, from {values[0]:.4g} to {values[-1]:.4g}"
        for stage, values in zip(stages, ends, strict=True)
    ]
    return "Similarity against iteration (lower is better): " + "; ".join(parts) + "."
