"""Drawings as SVG: pixels in their own resolution, lines and letters drawn by the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

# Drawings are measured in inches; a file has whole thousandths of them, which is the finest that
# a screen or a printer shows.
_UNITS = 1000
_SCREEN = 120  # pixels an inch, where there is room
_TEXT = 0.12  # inches
_LEVEL = 3  # half the time of the usual 6, and a tenth larger
# What an address, a list of addresses or an attribute of HTML would not take for itself; all else
# that a drawing has may stand in them as it is.
_ESCAPED = {character: f"%{ord(character):02X}" for character in "%#<>\"'& \n"}

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Picture:
    """An SVG and the words that stand for it where it cannot be seen."""

    svg: str
    alt: str

    @property
    def uri(self) -> str:
        """The picture itself as a ``data:`` address."""
        address = self.svg
        for character, code in _ESCAPED.items():
            address = address.replace(character, code)
        return f"data:image/svg+xml;charset=utf-8,{address}"


@dataclass(frozen=True)
class Drawing:
    """What has been drawn so far on a sheet of ``width`` by ``height`` inches.

    Positions are ``x`` to the right and ``y`` downwards, from the top left corner, in inches.
    """

    width: float
    height: float
    paper: str
    marks: list[str] = field(default_factory=list)

    def pixels(self, image: NDArray[np.float32], box: Sequence[float]) -> None:
        """Shades 0..1, or colours ``(rows, columns, 3)``, stretched over left, top, width, height.

        Beyond 0..1 they are clipped.
        """
        x, y, width, height = _units(box)
        self.marks.append(
            f'<image x="{x}" y="{y}" width="{width}" height="{height}" '
            f'preserveAspectRatio="none" href="{_png(image)}"/>'
        )

    def lines(self, lines: Sequence[ArrayLike], color: str, width: float) -> None:
        """Polylines, each ``(N, 2)``."""
        steps = "".join(_steps(np.asarray(line)) for line in lines)
        self.marks.append(
            f'<path d="{steps}" fill="none" stroke="{color}" stroke-width="{_unit(width)}" '
            'stroke-linejoin="round"/>'
        )

    def areas(self, outlines: Sequence[ArrayLike], fill: str, edge: str, width: float) -> None:
        """Closed polygons, each ``(N, 2)``, with an edge."""
        steps = "".join(f"{_steps(np.asarray(outline))}z" for outline in outlines)
        self.marks.append(
            f'<path d="{steps}" fill="{fill}" stroke="{edge}" stroke-width="{_unit(width)}"/>'
        )

    def dot(self, x: float, y: float, radius: float, fill: str, edge: str) -> None:
        """A disc with an edge."""
        across, down, size = _units((x, y, radius))
        self.marks.append(
            f'<circle cx="{across}" cy="{down}" r="{size}" fill="{fill}" stroke="{edge}" '
            f'stroke-width="{_unit(0.018)}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        color: str,
        *,
        anchor: Anchor = "start",
        halo: str = "",
        upright: bool = False,
    ) -> None:
        """Words with their anchor at a point of their baseline.

        With the colour of a ``halo`` they are bold and stand out from what they lie on; upright
        ones read from below.
        """
        across, down = _units((x, y))
        look = f' transform="rotate(-90 {across} {down})"' if upright else ""
        if halo:
            look += (
                f' font-weight="bold" paint-order="stroke" stroke="{halo}" stroke-opacity="0.5" '
                f'stroke-width="{_unit(0.04)}"'
            )
        self.marks.append(
            f'<text x="{across}" y="{down}" fill="{color}" text-anchor="{anchor}"{look}>'
            f"{escape(words)}</text>"
        )

    def picture(self, alt: str) -> Picture:
        """The finished drawing."""
        width, height = _units((self.width, self.height))
        shown = f'width="{self.width * _SCREEN:.0f}" height="{self.height * _SCREEN:.0f}"'
        return Picture(
            f'<svg xmlns="http://www.w3.org/2000/svg" {shown} viewBox="0 0 {width} {height}" '
            f'font-family="DejaVu Sans,Verdana,sans-serif" font-size="{_unit(_TEXT)}">'
            f'<rect width="{width}" height="{height}" fill="{self.paper}"/>'
            f"{''.join(self.marks)}</svg>",
            alt,
        )


def _unit(inches: float) -> int:
    return round(inches * _UNITS)


def _units(inches: Sequence[float]) -> list[int]:
    return [_unit(value) for value in inches]


def _steps(line: NDArray[np.float64]) -> str:
    """A start and the steps from there, which are shorter than positions."""
    points = np.rint(line * _UNITS).astype(int)
    start, steps = points[0].tolist(), np.diff(points, axis=0).ravel().tolist()
    return f"M{start[0]},{start[1]}l{','.join(map(str, steps))}"


def _png(image: NDArray[np.float32]) -> str:
    stream = BytesIO()
    codes = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(codes).save(stream, "PNG", compress_level=_LEVEL)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
