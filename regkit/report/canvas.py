"""A strip of slices side by side, at one scale, with the anatomical directions on it.

It is written as SVG at once: slices keep their own resolution, the browser draws lines and letters.
A plotting library would take as long to be imported and to set up its axes as a registration takes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import NDArray
from PIL import Image

from regkit.report.colours import ColourScale, positive_scale, signed_scale
from regkit.report.picture import Picture
from regkit.report.slices import Plane
from regkit.report.ticks import round_ticks

# In points, of which an inch has 72: as wide as the page of a report.
_WIDTH, _TALLEST, _GAP = 792.0, 396.0, 4.3
_FLATTEST = 58.0  # very flat panels would leave no room for the letters at their edges
_LETTER, _INSET, _SHADE = 9.5, 8.6, 13.0
_MARK = 3.8
_STRAIGHT, _PASSES = 0.05, 8  # points by which a line may be off where it is thinned
_FONT = "font-family:DejaVu Sans,Verdana,sans-serif"


@dataclass(frozen=True)
class Look:
    """Colours of a strip, and the points left at its right for a colour bar."""

    paper: str
    ink: str
    bar: float


# Images stand on black, as on any reading station. Maps stand on the white of their own middle,
# or their background would look like a value.
IMAGE = Look(paper="#000000", ink="#ffffff", bar=0.0)
MAP = Look(paper="#f7f7f7", ink="#1f2328", bar=68.4)


@dataclass(frozen=True)
class Panel:
    """The place of one plane: left, right, top and bottom in points from the top left corner."""

    plane: Plane
    extent: tuple[float, float, float, float]
    parts: list[str] = field(repr=False)
    """What is drawn on the strip, in its order."""

    def show(self, image: NDArray[np.floating]) -> None:
        """Draw shades 0..1, or colours ``(rows, columns, 3)``; viewers magnify them smoothly."""
        shades = np.clip(np.nan_to_num(image), 0, 1) * 255
        self._show(shades.round().astype(np.uint8))

    def show_signed(self, image: NDArray[np.floating], limit: float) -> ColourScale:
        """Draw values of either sign: blue at ``-limit``, white at 0, red at ``limit``."""
        return self._show_scaled(image, signed_scale(limit))

    def show_positive(self, image: NDArray[np.floating], limit: float) -> ColourScale:
        """Draw values from 0, white, to ``limit``, dark."""
        return self._show_scaled(image, positive_scale(limit))

    def lines(self, image: NDArray[np.floating], levels: Sequence[float], color: str) -> None:
        """Isolines of pixels at those levels that the pixels cross."""
        low, high = float(image.min()), float(image.max())
        crossed = sorted({float(level) for level in levels if low < level < high})
        if not crossed or min(image.shape) < 2:
            return
        found: Any = contour_generator(z=image, line_type=LineType.Separate)
        drawn = [line for level in crossed for line in found.lines(level)]
        placed = [self.at(line[:, 1], line[:, 0], image.shape) for line in drawn]
        path = "".join(map(_path, _thinned(placed)))
        self.add(f'<path d="{path}" style="fill:none;stroke:{color};stroke-width:.8"/>')

    def marks(self, where: NDArray[np.bool_], color: str) -> None:
        """A square on every pixel that is true."""
        rows, columns = np.nonzero(where)
        for x, y in self.at(rows, columns, where.shape):
            self.add(
                f'<rect x="{x - _MARK / 2:.1f}" y="{y - _MARK / 2:.1f}" width="{_MARK}" '
                f'height="{_MARK}" style="fill:{color};stroke:#000;stroke-width:.8"/>'
            )

    def at(
        self, rows: NDArray[np.number], columns: NDArray[np.number], shape: Sequence[int]
    ) -> NDArray[np.float64]:
        """Where the centres of pixels of an image of ``shape`` lie, ``(N, 2)`` in points.

        Parameters
        ----------
        rows, columns
            ``(N,)``, pixel centres at integers.
        shape
            Rows and columns.
        """
        left, right, top, bottom = self.extent
        x = left + (columns + 0.5) * (right - left) / shape[1]
        y = top + (rows + 0.5) * (bottom - top) / shape[0]
        return np.stack([x, y], axis=-1)

    def text(self, x: float, y: float, words: str, style: str) -> None:
        """Write words around a place, in points."""
        self.add(text_at(x, y, words, style))

    def add(self, part: str) -> None:
        """Draw an element of SVG over what is there."""
        self.parts.append(part)

    def _show_scaled(self, image: NDArray[np.floating], scale: ColourScale) -> ColourScale:
        self._show(scale.of(image))
        return scale

    def _show(self, pixels: NDArray[np.uint8]) -> None:
        left, right, top, bottom = self.extent
        self.add(
            f'<image x="{left:.2f}" y="{top:.2f}" width="{right - left:.2f}" '
            f'height="{bottom - top:.2f}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{_png(pixels)}"/>'
        )


@dataclass(frozen=True)
class Strip:
    """Panels side by side, ``width`` by ``height`` points."""

    width: float
    height: float
    look: Look
    panels: tuple[Panel, ...]
    parts: list[str] = field(repr=False)

    def add_bar(self, scale: ColourScale, label: str) -> None:
        """Add a colour bar at the right edge of a strip that has the look of a map.

        Parameters
        ----------
        scale
            The colours that it explains; all slices of the strip share them.
        label
            The quantity and its unit.
        """
        x, wide = self.width - MAP.bar + 8.6, 11.5
        top, tall = 0.12 * self.height, 0.76 * self.height
        shades = scale.of(np.linspace(scale.high, scale.low, 256)[:, None])
        self.parts.append(
            f'<image x="{x:.1f}" y="{top:.1f}" width="{wide}" height="{tall:.1f}" '
            f'preserveAspectRatio="none" href="data:image/png;base64,{_png(shades)}"/>'
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{wide}" height="{tall:.1f}" '
            'style="fill:none;stroke:#888"/>'
        )
        for value, word in round_ticks(scale.low, scale.high, 5):
            y = top + tall * (scale.high - value) / (scale.high - scale.low)
            self.parts.append(
                f'<path d="M{x + wide:.1f} {y:.1f}h3" style="stroke:{MAP.ink};stroke-width:.8"/>'
                + text_at(x + wide + 5, y, word, f"fill:{MAP.ink};font-size:8px", "start")
            )
        place = f"rotate(-90 {self.width - 7:.1f} {top + tall / 2:.1f})"
        words = text_at(self.width - 7, top + tall / 2, label, f"fill:{MAP.ink};font-size:8px")
        self.parts.append(f'<g transform="{place}">{words}</g>')

    def picture(self, alt: str) -> Picture:
        """What was drawn, with the letters on it; ``alt`` are words that stand for it."""
        letters = [letter for panel in self.panels for letter in _letters(panel, self.look)]
        parts = [*self.parts, *letters]
        return Picture(svg_of(self.width, self.height, self.look.paper, parts), alt)


def strip(planes: Sequence[Plane], *, look: Look = IMAGE) -> Strip:
    """Make an empty strip with one panel for each plane.

    Panels are measured in world units, so that anisotropic voxels keep their proportions.
    """
    sizes = [plane.size for plane in planes]
    room = _WIDTH - _GAP * (len(planes) - 1) - look.bar
    scale = min(room / sum(w for w, _ in sizes), _TALLEST / max(h for _, h in sizes))
    height = max(scale * max(h for _, h in sizes), _FLATTEST)
    width = scale * sum(w for w, _ in sizes) + _WIDTH - room
    panels, parts, left = list[Panel](), list[str](), 0.0
    for plane, (w, h) in zip(planes, sizes, strict=True):
        top = (height - scale * h) / 2
        panels.append(Panel(plane, (left, left + scale * w, top, top + scale * h), parts))
        left += scale * w + _GAP
    return Strip(width, height, look, tuple(panels), parts)


def svg_of(width: float, height: float, paper: str, parts: Sequence[str]) -> str:
    """Return elements as a drawing.

    Parameters
    ----------
    width, height
        In points.
    paper
        Its colour.
    parts
        Elements of SVG, the first of which is lowest.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.2f}pt" height="{height:.2f}pt" '
        f'viewBox="0 0 {width:.2f} {height:.2f}">'
        f'<rect width="100%" height="100%" style="fill:{paper}"/>{"".join(parts)}</svg>'
    )


def text_at(x: float, y: float, words: str, style: str, anchor: str = "middle") -> str:
    """Return words as an element of SVG.

    Parameters
    ----------
    x, y
        Their place in points; the middle of their height.
    words
        Escaped here.
    style
        Of CSS.
    anchor
        Which end of them lies at ``x``: start, middle or end.
    """
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" dy=".35em" style="{_FONT};text-anchor:{anchor};{style}">'
        f"{escape(words)}</text>"
    )


def _letters(panel: Panel, look: Look) -> list[str]:
    """What lies at each edge, on a shade that sets it off from any slice."""
    left, right, top, bottom = panel.extent
    x, y, half = (left + right) / 2, (top + bottom) / 2, _SHADE / 2
    places = ((left + _INSET, y), (right - _INSET, y), (x, top + _INSET), (x, bottom - _INSET))
    style = f"fill:{look.ink};font-size:{_LETTER}px;font-weight:bold"
    return [
        f'<rect x="{across - half:.1f}" y="{down - half:.1f}" width="{_SHADE}" height="{_SHADE}" '
        f'style="fill:{look.paper};opacity:.45"/>' + text_at(across, down, letter, style)
        for letter, (across, down) in zip(panel.plane.letters, places, strict=True)
    ]


def _path(points: NDArray[np.float64]) -> str:
    """A line ``(N, 2)`` to a tenth of a point."""
    return "M" + "L".join(["%.1f %.1f"] * len(points)) % tuple(points.ravel().tolist())


def _thinned(lines: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Leave out points that lie on the line between their neighbours, every second in turn.

    All lines ``(N, 2)`` are thinned at once: there are hundreds, of which most are short.
    """
    points, number = np.concatenate(lines), np.repeat(np.arange(len(lines)), [*map(len, lines)])
    for turn in range(_PASSES):
        way, aside = points[2:] - points[:-2], points[1:-1] - points[:-2]
        area = np.abs(way[:, 0] * aside[:, 1] - way[:, 1] * aside[:, 0])
        straight = area <= _STRAIGHT * np.hypot(way[:, 0], way[:, 1])
        straight &= number[2:] == number[:-2]  # the ends of a line stay
        straight[turn % 2 :: 2] = False
        kept = np.concatenate([[True], ~straight, [True]])
        points, number = points[kept], number[kept]
    return np.split(points, np.flatnonzero(np.diff(number)) + 1)


def _png(pixels: NDArray[np.uint8]) -> str:
    content = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, format="png", compress_level=1)
    return b64encode(content.getvalue()).decode()
