"""A strip of slices side by side, at one scale, with the anatomical directions on it.

Figures are made with matplotlib's objects, never through pyplot, so that nothing global changes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from regkit.report.slices import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_WIDTH, _TALLEST = 10.0, 5.0  # inches
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


@dataclass(frozen=True)
class Panel:
    """The place of one plane: axes shared by the strip, and left, right, bottom, top in inches.

    One set of axes for a whole strip, because matplotlib takes longer to set up axes than to draw
    a slice.
    """

    axes: Axes
    plane: Plane
    extent: tuple[float, float, float, float]

    def show(self, image: NDArray[np.float32]) -> AxesImage:
        """Draw shades 0..1, or colours ``(rows, columns, 3)``."""
        return self.axes.imshow(
            image, cmap="gray", vmin=0, vmax=1, extent=self.extent, aspect="auto"
        )

    def show_signed(self, image: NDArray[np.float32], limit: float) -> AxesImage:
        """Draw values of either sign: blue at ``-limit``, white at 0, red at ``limit``."""
        return self.axes.imshow(
            image, cmap="RdBu_r", vmin=-limit, vmax=limit, extent=self.extent, aspect="auto"
        )

    def lines(self, image: NDArray[np.float32], levels: Sequence[float], color: str) -> None:
        """Isolines of pixels at those levels that the pixels cross."""
        low, high = float(image.min()), float(image.max())
        crossed = sorted({float(level) for level in levels if low < level < high})
        if crossed and min(image.shape) > 1:
            self.axes.contour(
                image, levels=crossed, colors=color, linewidths=0.7, linestyles="solid",
                extent=self.extent, origin="upper",
            )  # fmt: skip

    def marks(self, where: NDArray[np.bool_], color: str) -> None:
        """A square on every pixel that is true."""
        rows, columns = np.nonzero(where)
        left, right, bottom, top = self.extent
        x = left + (columns + 0.5) * (right - left) / where.shape[1]
        y = top - (rows + 0.5) * (top - bottom) / where.shape[0]
        self.axes.scatter(
            x, y, s=14, marker="s", c=color, edgecolors="black", linewidths=0.8, zorder=5
        )


def strip(planes: Sequence[Plane], *, look: Look = IMAGE) -> tuple[Figure, list[Panel]]:
    """An empty strip with one panel a plane.

    Panels are measured in world units, so that anisotropic voxels keep their proportions.
    """
    sizes = [plane.size for plane in planes]
    room = _WIDTH - _GAP * (len(planes) - 1) - look.bar
    scale = min(room / sum(w for w, _ in sizes), _TALLEST / max(h for _, h in sizes))
    # Very flat panels would leave no room for the letters at their edges.
    height = max(scale * max(h for _, h in sizes), 0.8)
    width = scale * sum(w for w, _ in sizes) + _WIDTH - room
    figure = Figure(figsize=(width, height), facecolor=look.paper)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height), autoscale_on=False)
    axes.set_axis_off()
    panels, left = [], 0.0
    for plane, (w, h) in zip(planes, sizes, strict=True):
        low = (height - scale * h) / 2
        panels.append(Panel(axes, plane, (left, left + scale * w, low, low + scale * h)))
        left += scale * w + _GAP
        _letter(panels[-1], look)
    return figure, panels


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
    figure.savefig(
        buffer,
        format="png",
        dpi=_DPI,
        facecolor=figure.get_facecolor(),
        # Without the Software entry the same result gives the same bytes under any matplotlib.
        metadata={"Software": None},
        # Three times as fast as the default, and a seventh larger.
        pil_kwargs={"compress_level": 2},
    )
    return Picture(buffer.getvalue(), alt)


def _letter(panel: Panel, look: Look) -> None:
    """Say at each edge what lies there."""
    left, right, bottom, top = panel.extent
    x, y, inset = (left + right) / 2, (bottom + top) / 2, 0.06
    places = (
        (left + inset, y, "left", "center"),
        (right - inset, y, "right", "center"),
        (x, top - inset, "center", "top"),
        (x, bottom + inset, "center", "bottom"),
    )
    for letter, (across, up, ha, va) in zip(panel.plane.letters, places, strict=True):
        panel.axes.text(
            across, up, letter, ha=ha, va=va, color=look.ink, fontsize=9, fontweight="bold",
            zorder=10, parse_math=False,
            bbox={"facecolor": look.paper, "alpha": 0.45, "pad": 1.5, "linewidth": 0},
        )  # fmt: skip
