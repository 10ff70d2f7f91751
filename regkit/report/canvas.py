"""A strip of slices side by side, at one scale, with the anatomical directions on it.

Figures are made with matplotlib's objects, never through pyplot, so that nothing global changes,
and written as SVG: slices keep their own resolution, the browser draws lines and letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from regkit.report.slices import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_WIDTH, _TALLEST = 11.0, 5.5  # inches: as wide as the page of a report
_GAP = 0.06  # inches between panels

# The same figure gives the same bytes, and letters stay letters. These options exist for the
# whole process only, hence the lock: reports are written in threads.
_OPTIONS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "regkit",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
}
_LOCK = Lock()
_UNDATED = dict.fromkeys(("Creator", "Date", "Format", "Type"))
# Slices are magnified smoothly, as by any viewer, not in blocks.
_BLOCKS = "image-rendering:crisp-edges;image-rendering:pixelated"
# Paths to a tenth of a point, instead of a millionth.
_PATH, _FINER = re.compile(r'\bd="[^"]*"'), re.compile(r"(?<=\.\d)\d+")
# What an address or an attribute of HTML would not take for itself.
_ESCAPED = {character: f"%{ord(character):02X}" for character in "%#<>\"'&"}


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
        return self._shown(image, cmap="gray", vmin=0, vmax=1)

    def show_signed(self, image: NDArray[np.float32], limit: float) -> AxesImage:
        """Draw values of either sign: blue at ``-limit``, white at 0, red at ``limit``."""
        return self._shown(image, cmap="RdBu_r", vmin=-limit, vmax=limit)

    def show_positive(self, image: NDArray[np.float32], limit: float) -> AxesImage:
        """Draw values from 0, white, to ``limit``, dark."""
        return self._shown(image, cmap="Purples", vmin=0, vmax=limit)

    def lines(self, image: NDArray[np.float32], levels: Sequence[float], color: str) -> None:
        """Isolines of pixels at those levels that the pixels cross."""
        low, high = float(image.min()), float(image.max())
        crossed = sorted({float(level) for level in levels if low < level < high})
        if crossed and min(image.shape) > 1:
            isolines = self.axes.contour(
                image, levels=crossed, colors=color, linewidths=0.8, linestyles="solid",
                extent=self.extent, origin="upper",
            )  # fmt: skip
            # Fewer points where a line runs straight, to within a third of a pixel on a screen.
            for path in isolines.get_paths():
                path.should_simplify, path.simplify_threshold = True, 0.25

    def marks(self, where: NDArray[np.bool_], color: str) -> None:
        """A square on every pixel that is true."""
        rows, columns = np.nonzero(where)
        left, right, bottom, top = self.extent
        x = left + (columns + 0.5) * (right - left) / where.shape[1]
        y = top - (rows + 0.5) * (top - bottom) / where.shape[0]
        self.axes.scatter(
            x, y, s=14, marker="s", c=color, edgecolors="black", linewidths=0.8, zorder=5
        )

    def _shown(self, image: NDArray[np.float32], **colours: Any) -> AxesImage:
        return self.axes.imshow(
            image, extent=self.extent, aspect="auto", interpolation="none", **colours
        )


def strip(planes: Sequence[Plane], *, look: Look = IMAGE) -> tuple[Figure, list[Panel]]:
    """Make an empty strip with one panel for each plane.

    Panels are measured in world units, so that anisotropic voxels keep their proportions.
    """
    sizes = [plane.size for plane in planes]
    room = _WIDTH - _GAP * (len(planes) - 1) - look.bar
    scale = min(room / sum(w for w, _ in sizes), _TALLEST / max(h for _, h in sizes))
    # Very flat panels would leave no room for the letters at their edges.
    height = max(scale * max(h for _, h in sizes), 0.8)
    width = scale * sum(w for w, _ in sizes) + _WIDTH - room
    figure = Figure(figsize=(width, height), facecolor=look.paper)
    figure.suppressComposite = True  # or the slices would become one image of another size
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
    """Add a colour bar at the right edge of a strip, which must have the look of a map.

    Parameters
    ----------
    figure
        The strip.
    image
        The slice whose colours it explains; all slices of the strip share them.
    label
        The quantity and its unit.
    """
    width = figure.get_figwidth()
    box = figure.add_axes((1 - (MAP.bar - 0.12) / width, 0.12, 0.16 / width, 0.76))
    bar = figure.colorbar(image, cax=box)
    bar.set_label(label, color=MAP.ink, fontsize=8, parse_math=False)
    bar.outline.set_edgecolor("#888888")
    box.tick_params(colors=MAP.ink, labelsize=8)


def picture(figure: Figure, alt: str) -> Picture:
    """Render a figure as SVG; ``alt`` are the words that stand for it where it cannot be seen."""
    stream = StringIO()
    with _LOCK, rc_context(_OPTIONS):
        figure.savefig(stream, format="svg", facecolor=figure.get_facecolor(), metadata=_UNDATED)
    return Picture(_slim(stream.getvalue()), alt)


def _slim(svg: str) -> str:
    """The same drawing in fewer bytes."""
    paths = _PATH.sub(lambda found: _FINER.sub("", found[0]), svg)
    return " ".join(paths.replace(_BLOCKS, "").split())


def _letter(panel: Panel, look: Look) -> None:
    """Say at each edge what lies there, on a shade that sets it off from any slice."""
    left, right, bottom, top = panel.extent
    x, y, inset = (left + right) / 2, (bottom + top) / 2, 0.12
    places = ((left + inset, y), (right - inset, y), (x, top - inset), (x, bottom + inset))
    across, up = zip(*places, strict=True)
    panel.axes.scatter(
        across, up, s=170, marker="s", c=look.paper, alpha=0.45, linewidths=0, zorder=9
    )
    for letter, place in zip(panel.plane.letters, places, strict=True):
        panel.axes.text(
            *place, letter, ha="center", va="center", color=look.ink, fontsize=9.5,
            fontweight="bold", zorder=10, parse_math=False,
        )  # fmt: skip
