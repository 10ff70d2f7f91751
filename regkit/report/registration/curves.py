"""How the similarity fell, stage by stage and level by level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from regkit.registration.result import EngineStage, Level
from regkit.report.canvas import svg_of, text_at
from regkit.report.palette import BLUE, FAINT, INK, PAPER
from regkit.report.picture import Picture
from regkit.report.ticks import round_ticks

# In points, of which an inch has 72: as wide as the page of a report.
_WIDTH, _HEIGHT, _TOP, _BOTTOM = 792.0, 223.0, 26.0, 187.0
_LEFT, _RIGHT, _ROOM = 52.0, 8.0, 0.16
_SMALL, _LABEL, _TITLE = (f"fill:{INK};font-size:{size}px" for size in (8, 9, 10))


def similarity_curves(stages: Sequence[EngineStage], *, unit: str = "mm") -> Picture | None:
    """Plot the similarity in one panel for each stage, level after level; none if none iterated.

    A filled dot ends a level that converged, an open one a level that reached its bound. Voxels are
    measured in ``unit``.
    """
    shown = [stage for stage in stages if any(level.values for level in stage.levels)]
    if not shown:
        return None
    shares = [max(1.0, _total(stage) / max(map(_total, shown)) * 2) for stage in shown]
    parts, left = list[str](), 0.0
    for stage, share in zip(shown, shares, strict=True):
        width = _WIDTH * share / sum(shares)
        parts += _panel(stage, left + _LEFT, left + width - _RIGHT, unit)
        left += width
    return Picture(svg_of(_WIDTH, _HEIGHT, PAPER, parts), _words(shown))


@dataclass(frozen=True)
class _Axes:
    """Where steps and values lie in a panel, in points."""

    left: float
    right: float
    steps: int
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float], left: float, right: float) -> _Axes:
        rise = _ROOM * (max(values) - min(values) or abs(values[0]) or 1.0)
        return cls(left, right, len(values), min(values) - rise, max(values) + rise)

    def x(self, step: float) -> float:
        return self.left + (step + 0.5) / self.steps * (self.right - self.left)

    def y(self, value: float) -> float:
        return _BOTTOM - (value - self.low) / (self.high - self.low) * (_BOTTOM - _TOP)

    def frame(self, title: str) -> Iterator[str]:
        """Title, lines and numbers."""
        middle = (self.left + self.right) / 2
        yield text_at(middle, _TOP - 12, title, _TITLE)
        yield text_at(middle, _HEIGHT - 8, "iteration", _LABEL)
        yield _line(f"M{self.left:.1f} {_TOP:.1f}V{_BOTTOM:.1f}H{self.right:.1f}", FAINT, 1)
        for value, word in round_ticks(self.low, self.high, 5):
            yield _line(f"M{self.left:.1f} {self.y(value):.1f}H{self.right:.1f}", FAINT, 0.6)
            yield text_at(self.left - 5, self.y(value), word, _SMALL, "end")
        last = max(self.steps - 1, 1)
        for step, word in round_ticks(0, last, min(5, last)):
            yield text_at(self.x(step), _BOTTOM + 9, word, _SMALL)


def _panel(stage: EngineStage, left: float, right: float, unit: str) -> Iterator[str]:
    levels = [level for level in stage.levels if level.values]
    axes = _Axes.of([value for level in levels for value in level.values], left, right)
    yield from axes.frame(f"{stage.name}: {stage.similarity}")
    start = 0
    for level in levels:
        edge = axes.x(start - 0.5)
        if start:
            yield _line(f"M{edge:.1f} {_TOP}V{_BOTTOM}", FAINT, 1)
        places = [(axes.x(start + n), axes.y(value)) for n, value in enumerate(level.values)]
        yield _line("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places), BLUE, 1.4)
        face, (x, y) = BLUE if level.converged else PAPER, places[-1]
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" '
            f'style="fill:{face};stroke:{BLUE};stroke-width:1.3"/>'
        )
        yield text_at(edge + 3, _TOP + 6, _size(level, unit), _SMALL, "start")
        start += len(level.values)


def _line(path: str, colour: str, width: float) -> str:
    return f'<path d="{path}" style="fill:none;stroke:{colour};stroke-width:{width}"/>'


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
