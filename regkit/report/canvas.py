"""A strip of slices side by side, at one scale, with the anatomical directions on it.

Figures are made with matplotlib's objects, never through pyplot, so that nothing global changes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from regkit.report.slices import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_WIDTH, _TALLEST = 10.0, 6.5  # inches
_GAP = 0.06  # inches between panels
_DPI = 120


@dataclass(frozen=True)
class Picture:
    """A PNG and the words that stand for it where it cannot be seen."""

    png: bytes
    alt: str

    @property
    def uri(self) -> str:
        """The picture itself as a ``data:`` address."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True)
class Look:
    """Colours of a strip, and the inches left at its right for a colour bar."""

    paper: str
    ink: str
    bar: float


# Images stand on black, as on any reading station. Maps stand on the white of their own middle,
# or their background would look like a value.
IMAGE = Look(paper="black", ink="white", bar=0.0)
MAP = Look(paper="#f7f7f7", ink="#1f2328", bar=0.95)


def strip(planes: Sequence[Plane], *, look: Look = IMAGE) -> tuple[Figure, list[Axes]]:
    """An empty strip with one panel a plane.

    Panels are measured in world units, so that anisotropic voxels keep their proportions.
    """
    sizes = [plane.size for plane in planes]
    room = _WIDTH - _GAP * (len(planes) - 1) - look.bar
    scale = min(room / sum(w for w, _ in sizes), _TALLEST / max(h for _, h in sizes))
    # Very flat panels would leave no room for the letters at their edges.
    height = max(scale * max(h for _, h in sizes), 0.8)
    width = scale * sum(w for w, _ in sizes) + _WIDTH - room
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor=look.paper)
    FigureCanvasAgg(figure)
    axes, left = [], 0.0
    for plane, (w, h) in zip(planes, sizes, strict=True):
        bottom = (height - scale * h) / 2
        box = (left / width, bottom / height, scale * w / width, scale * h / height)
        axes.append(_panel(figure, plane, box, look))
        left += scale * w + _GAP
    return figure, axes


def extent(plane: Plane) -> tuple[float, float, float, float]:
    """Where the pixels of a plane lie in its panel."""
    width, height = plane.size
    return 0.0, width, 0.0, height


def add_bar(figure: Figure, image: AxesImage, label: str) -> None:
    """A colour bar at the right edge of a strip in the look of a map."""
    width = figure.get_figwidth()
    box = figure.add_axes((1 - (MAP.bar - 0.12) / width, 0.12, 0.16 / width, 0.76))
    bar = figure.colorbar(image, cax=box)
    bar.set_label(label, color=MAP.ink, fontsize=8, parse_math=False)
    bar.outline.set_edgecolor("#888888")
    box.tick_params(colors=MAP.ink, labelsize=8)


def picture(figure: Figure, alt: str) -> Picture:
    """Render a figure."""
    buffer = BytesIO()
    # Without the Software entry the same result gives the same bytes under any matplotlib.
    figure.savefig(
        buffer, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None}
    )
    return Picture(buffer.getvalue(), alt)


def _panel(
    figure: Figure, plane: Plane, box: tuple[float, float, float, float], look: Look
) -> Axes:
    axes = figure.add_axes(box)
    axes.set_axis_off()
    axes.set(xlim=extent(plane)[:2], ylim=extent(plane)[2:], autoscale_on=False)
    left, right, top, bottom = plane.letters
    for x, y, letter, across, up in (
        (0.015, 0.5, left, "left", "center"),
        (0.985, 0.5, right, "right", "center"),
        (0.5, 0.985, top, "center", "top"),
        (0.5, 0.015, bottom, "center", "bottom"),
    ):
        axes.text(
            x, y, letter, transform=axes.transAxes, ha=across, va=up, color=look.ink,
            fontsize=9, fontweight="bold", zorder=10, parse_math=False,
            bbox={"facecolor": look.paper, "alpha": 0.45, "pad": 1.5, "linewidth": 0},
        )  # fmt: skip
    return axes
