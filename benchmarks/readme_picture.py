"""`python -m benchmarks.readme_picture`: the README's pictures, from the result of `make demo`."""

from __future__ import annotations

from pathlib import Path

import regkit as rk
from benchmarks.small_picture import save_small
from regkit.report.canvas import strip
from regkit.report.figures import outline
from regkit.report.scene import scene

DEMO, DOCS = Path("demo"), Path("docs")


def main() -> None:
    """Write ``docs/before.png`` and ``docs/after.png``."""
    fixed, moving = rk.read(DEMO / "icbm152.nii.gz"), rk.read(DEMO / "head.nii.gz")
    view = scene(fixed, moving, rk.read(DEMO / "result" / "warped.nii.gz"))
    for name, images in (("before", view.before), ("after", view.after)):
        figure, panels = strip(view.planes)
        for panel, edges, image in zip(panels, view.fixed, images, strict=True):
            panel.show(image).set_interpolation("bilinear")
            outline(panel, edges, view.levels)
        # Not SVG, in which a page on GitHub would not show the slices.
        save_small(figure, DOCS / f"{name}.png")


if __name__ == "__main__":
    main()
