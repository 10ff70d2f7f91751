"""A strip of slices side by side, at one scale, with the anatomical directions on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray

from regkit.report.colours import diverging
from regkit.report.slices import Plane
from regkit.report.svg import Anchor, Drawing, Picture
from regkit.report.ticks import ticks

_WIDTH, _TALLEST = 10.0, 5.0  # inches
_GAP = 0.06  # inches between panels
_LINE = 0.01  # inches
_MARK = 0.052  # inches
_SHADES = 256


@dataclass(frozen=True)
class Look:
    """Colours of a strip, and the inches left at its right for a colour bar."""

    paper: str
    ink: str
    bar: float


# Images stand on black, as on any reading station. Maps stand on the white of their own middle,
# or their background would look like a value.
IMAGE = Look(paper="#000000", ink="#ffffff", bar=0.0)
MAP = Look(paper="#f7f7f7", ink="#1f2328", bar=0.95)


@dataclass(frozen=True)
class Panel:
    """The place of one plane on a drawing: left, top, width and height in inches."""

    drawing: Drawing
    plane: Plane
    box: tuple[float, float, float, float]

    def show(self, image: NDArray[np.float32]) -> None:
        """Draw shades 0..1, or colours ``(rows, columns, 3)``."""
        self.drawing.pixels(image, self.box)

    def show_signed(self, image: NDArray[np.float32], limit: float) -> None:
        """Draw values of either sign: blue at ``-limit``, white at 0, red at ``limit``."""
        self.show(diverging(image, limit))

    def lines(self, image: NDArray[np.float32], levels: Sequence[float], color: str) -> None:
        """Isolines of pixels at those levels that the pixels cross."""
        low, high = float(image.min()), float(image.max())
        crossed = sorted({float(level) for level in levels if low < level < high})
        if crossed and min(image.shape) > 1:
            isolines: Any = contourpy.contour_generator(*self._centres(image.shape), image)
            found = [line for level in crossed for line in isolines.lines(level)]
            self.drawing.lines(found, color, _LINE)

    def marks(self, where: NDArray[np.bool_], color: str) -> None:
        """A square on every pixel that is true."""
        x, y = self._centres(where.shape)
        rows, columns = np.nonzero(where)
        square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * _MARK / 2
        squares = np.stack([x[columns], y[rows]], axis=-1)[:, None] + square
        if len(squares):
            self.drawing.areas(squares.tolist(), color, "#000000", _LINE)

    def _centres(self, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        left, top, width, height = self.box
        rows, columns = shape
        return (
            left + (np.arange(columns) + 0.5) * width / columns,
            top + (np.arange(rows) + 0.5) * height / rows,
        )


@dataclass(frozen=True)
class Strip:
    """Panels side by side on one drawing."""

    drawing: Drawing
    panels: list[Panel]
    look: Look

    def add_bar(self, limit: float, label: str) -> None:
        """A colour bar from ``-limit`` to ``limit`` at the right edge of a strip of maps."""
        width, height = 0.16, 0.76 * self.drawing.height
        left, top = self.drawing.width - self.look.bar + 0.12, 0.12 * self.drawing.height
        shades = np.linspace(limit, -limit, _SHADES, dtype=np.float32)[:, None]
        self.drawing.pixels(diverging(shades, limit), (left, top, width, height))
        for value, text in ticks(-limit, limit, 7):
            y = top + height * (limit - value) / (2 * limit)
            self.drawing.lines([[(left + width, y), (left + width + 0.04, y)]], "#888888", _LINE)
            self.drawing.text(left + width + 0.08, y + 0.04, text, self.look.ink)
        middle = (self.drawing.width - 0.08, self.drawing.height / 2)
        self.drawing.text(*middle, label, self.look.ink, anchor="middle", upright=True)

    def picture(self, alt: str) -> Picture:
        """The finished strip. The letters come last, so that nothing covers them."""
        for panel in self.panels:
            _letter(panel, self.look)
        return self.drawing.picture(alt)


def strip(planes: Sequence[Plane], *, look: Look = IMAGE) -> Strip:
    """An empty strip with one panel a plane.

    Panels are measured in world units, so that anisotropic voxels keep their proportions.
    """
    sizes = [plane.size for plane in planes]
    room = _WIDTH - _GAP * (len(planes) - 1) - look.bar
    scale = min(room / sum(w for w, _ in sizes), _TALLEST / max(h for _, h in sizes))
    # Very flat panels would leave no room for the letters at their edges.
    height = max(scale * max(h for _, h in sizes), 0.8)
    drawing = Drawing(scale * sum(w for w, _ in sizes) + _WIDTH - room, height, look.paper)
    panels, left = [], 0.0
    for plane, (w, h) in zip(planes, sizes, strict=True):
        box = (left, (height - scale * h) / 2, scale * w, scale * h)
        panels.append(Panel(drawing, plane, box))
        left += scale * w + _GAP
    return Strip(drawing, panels, look)


def _letter(panel: Panel, look: Look) -> None:
    """Say at each edge what lies there."""
    left, top, width, height = panel.box
    x, y = left + width / 2, top + height / 2
    inset, half = 0.06, 0.045  # half the height of a capital
    places: tuple[tuple[float, float, Anchor], ...] = (
        (left + inset, y + half, "start"),
        (left + width - inset, y + half, "end"),
        (x, top + inset + 2 * half, "middle"),
        (x, top + height - inset, "middle"),
    )
    for word, (across, down, anchor) in zip(panel.plane.letters, places, strict=True):
        panel.drawing.text(across, down, word, look.ink, anchor=anchor, halo=look.paper)
