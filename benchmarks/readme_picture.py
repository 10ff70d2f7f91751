"""`python -m benchmarks.readme_picture`: the README's pictures, from the result of `make demo`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

import regkit as rk
from benchmarks.small_picture import save_small
from regkit.report.scene import Scene, scene

DEMO, DOCS = Path("demo"), Path("docs")
_WIDTH = 11.0  # inches


def main() -> None:
    """Write ``docs/before.png`` and ``docs/after.png``."""
    fixed, moving = rk.read(DEMO / "icbm152.nii.gz"), rk.read(DEMO / "head.nii.gz")
    view = scene(fixed, moving, rk.read(DEMO / "result" / "warped.nii.gz"))
    for name, images in (("before", view.before), ("after", view.after)):
        # Not the SVG of a report, in which a page on a forge would not show the slices.
        save_small(_outlined(view, images), DOCS / f"{name}.png")


def _outlined(view: Scene, images: Sequence[Any]) -> Figure:
    """Outlines of fixed on slices of another image, side by side at one scale."""
    sizes = [plane.size for plane in view.planes]
    scale = _WIDTH / sum(width for width, _ in sizes)
    tall = scale * max(height for _, height in sizes)
    figure, left = Figure((_WIDTH, tall), facecolor="black"), 0.0
    for size, edges, image in zip(sizes, view.fixed, images, strict=True):
        width, height = scale * size[0] / _WIDTH, scale * size[1] / tall
        axes = figure.add_axes((left, (1 - height) / 2, width, height))
        axes.set_axis_off()
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="bilinear")
        axes.contour(gaussian_filter(edges, 0.7), view.levels, colors="#ffb000", linewidths=0.8)
        left += width
    return figure


if __name__ == "__main__":
    main()
