"""`python -m benchmarks.readme_picture`: the README's pictures, from the result of `make demo`."""

from __future__ import annotations

from pathlib import Path

import regkit as rk
from regkit.report.figures import contours
from regkit.report.scene import scene

DEMO, DOCS = Path("demo"), Path("docs")


def main() -> None:
    """Write ``docs/before.svg`` and ``docs/after.svg``."""
    fixed, moving = rk.read(DEMO / "icbm152.nii.gz"), rk.read(DEMO / "head.nii.gz")
    view = scene(fixed, moving, rk.read(DEMO / "result" / "warped.nii.gz"))
    for name, images in (("before", view.before), ("after", view.after)):
        (DOCS / f"{name}.svg").write_text(contours(view, images, name).svg, encoding="utf-8")


if __name__ == "__main__":
    main()
