"""How the similarity fell, stage by stage and level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from regkit.registration.result import Level, Stage
from regkit.report.svg import Drawing, Picture
from regkit.report.ticks import ticks

# Inches: the sheet, what surrounds a chart on it, and where its upper and lower ends are.
_WIDTH, _HEIGHT = 10.0, 2.9
_LEFT, _RIGHT = 0.6, 0.1
_TOP, _BOTTOM = 0.35, 2.45
_MARGIN = 0.16  # of the range of the values


@dataclass(frozen=True)
class Theme:
    """Colours of a line figure on a light or a dark page."""

    paper: str
    ink: str
    faint: str
    line: str


LIGHT = Theme(paper="#ffffff", ink="#1f2328", faint="#d5d9de", line="#0072b2")
DARK = Theme(paper="#1c1f24", ink="#e6e8eb", faint="#3a3f47", line="#56b4e9")


def similarity_curves(stages: Sequence[Stage], theme: Theme) -> Picture | None:
    """One panel a stage, every level after the other; none if no stage iterated.

    A filled dot ends a level that converged, an open one a level that reached its bound.
    """
    shown = [stage for stage in stages if any(level.values for level in stage.levels)]
    if not shown:
        return None
    drawing = Drawing(_WIDTH, _HEIGHT, theme.paper)
    widths = [max(1.0, 2 * _total(stage) / max(map(_total, shown))) for stage in shown]
    room, left = _WIDTH - len(shown) * (_LEFT + _RIGHT), 0.0
    for stage, share in zip(shown, widths, strict=True):
        width = room * share / sum(widths)
        _draw(Chart(drawing, theme, stage, left + _LEFT, width))
        left += _LEFT + width + _RIGHT
    return drawing.picture(_words(shown))


@dataclass(frozen=True)
class Chart:
    """One stage on a drawing: where its values stand, from ``left`` over ``width`` inches."""

    drawing: Drawing
    theme: Theme
    stage: Stage
    left: float
    width: float

    @property
    def levels(self) -> list[Level]:
        """Those that iterated."""
        return [level for level in self.stage.levels if level.values]

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Ends of the vertical scale, with a margin around the values."""
        values = [value for level in self.levels for value in level.values]
        margin = _MARGIN * (max(values) - min(values)) or 0.05 * abs(values[0]) or 0.05
        return min(values) - margin, max(values) + margin

    def x(self, iteration: float) -> float:
        """Where an iteration of the stage stands."""
        return self.left + self.width * (0.04 + 0.92 * iteration / max(_total(self.stage) - 1, 1))

    def y(self, value: float) -> float:
        """Where a similarity stands."""
        low, high = self.limits
        return _TOP + (_BOTTOM - _TOP) * (high - value) / (high - low)


def _draw(chart: Chart) -> None:
    _dress(chart)
    start = 0
    for level in chart.levels:
        _draw_level(chart, level, start)
        start += len(level.values)


def _draw_level(chart: Chart, level: Level, start: int) -> None:
    drawing, theme = chart.drawing, chart.theme
    points = [(chart.x(start + n), chart.y(value)) for n, value in enumerate(level.values)]
    if start:
        edge = chart.x(start - 0.5)
        drawing.lines([[(edge, _TOP), (edge, _BOTTOM)]], theme.faint, 0.014)
    drawing.lines([points], theme.line, 0.02)
    drawing.dot(*points[-1], 0.035, theme.line if level.converged else theme.paper, theme.line)
    drawing.text(points[0][0] + 0.04, _TOP + 0.12, _size(level), theme.ink)


def _dress(chart: Chart) -> None:
    """Axes, their numbers and the title."""
    drawing, theme, stage = chart.drawing, chart.theme, chart.stage
    left, right = chart.left, chart.left + chart.width
    for value, text in ticks(*chart.limits, 8):
        y = chart.y(value)
        drawing.lines([[(left, y), (right, y)]], theme.faint, 0.008)
        drawing.text(left - 0.06, y + 0.04, text, theme.ink, anchor="end")
    drawing.lines([[(left, _TOP), (left, _BOTTOM), (right, _BOTTOM)]], theme.faint, 0.012)
    for value, text in ticks(0, max(_total(stage) - 1, 1), 5):
        if value == int(value):
            drawing.text(chart.x(value), _BOTTOM + 0.16, text, theme.ink, anchor="middle")
    middle = (left + right) / 2
    drawing.text(middle, _BOTTOM + 0.34, "iteration", theme.ink, anchor="middle")
    drawing.text(middle, 0.22, f"{stage.name}: {stage.similarity}", theme.ink, anchor="middle")


def _size(level: Level) -> str:
    low, high = min(level.spacing), max(level.spacing)
    unit = " mm" if len(level.spacing) == 3 else ""
    return f"{high:.3g}{unit}" if high < 1.05 * low else f"{low:.3g}-{high:.3g}{unit}"


def _total(stage: Stage) -> int:
    return sum(len(level.values) for level in stage.levels)


def _words(stages: Sequence[Stage]) -> str:
    ends = [[v for level in stage.levels for v in level.values] for stage in stages]
    parts = [
        f"{stage.name}, {len(values)} iterations, from {values[0]:.4g} to {values[-1]:.4g}"
        for stage, values in zip(stages, ends, strict=True)
    ]
    return "Similarity against iteration (lower is better): " + "; ".join(parts) + "."
