"""`python -m benchmarks.steps_picture`: how a registration works, in the pictures of the docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import regkit as rk
from benchmarks.small_picture import save_small

DOCS = Path("docs")
Step = Literal["rigid", "affine", "deformable"]
STEPS: tuple[Step, ...] = ("rigid", "affine", "deformable")
_INCH = 2.2


def main() -> None:
    """Write ``docs/steps.png`` and ``docs/deformation.png`` of the demo pair."""
    fixed, moving, mask = rk.datasets.demo_pair()
    results = [rk.register(fixed, moving, fixed_mask=mask, transform=step) for step in STEPS]
    start = rk.warp(moving, np.eye(4), onto=fixed)
    images = [start, *(result.warped for result in results)]
    _save("steps", [_outlined(fixed, image) for image in images])
    last = results[-1]
    _save("deformation", [_grid_of(last, fixed), _change(last.jacobian)])


def _middle(volume: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The middle axial slice, as a person in front of the head sees it."""
    data = np.asarray(volume.reoriented("RAS"), np.float32)
    return data[:, :, data.shape[2] // 2].T


def _outlined(fixed: rk.Volume, image: rk.Volume) -> Any:
    def draw(panel: Axes) -> None:
        edges, shown = _middle(fixed), _middle(image)
        panel.imshow(shown, cmap="gray", origin="lower", vmax=np.percentile(shown, 99.5))
        levels = np.quantile(edges[edges > 0], (0.2, 0.55))
        panel.contour(edges, levels, colors=["#ffb000"], linewidths=0.5)

    return draw


def _grid_of(result: rk.Result, fixed: rk.Volume) -> Any:
    """Every eighth line of voxels of fixed, bent by the part that is not affine."""

    def draw(panel: Axes) -> None:
        points = fixed.grid.world_points()[:, :, fixed.grid.shape[2] // 2]
        moved = result.transform(points.reshape(-1, 3)).reshape(points.shape).double().numpy()
        flat = np.c_[points.reshape(-1, 3), np.ones(points[..., 0].numel())]
        fit = np.linalg.lstsq(flat, moved.reshape(-1, 3), rcond=None)[0]
        bent = points.numpy() + moved - (flat @ fit).reshape(moved.shape)
        for lines in (bent[::8], bent[:, ::8].swapaxes(0, 1)):
            for line in lines:
                panel.plot(line[:, 0], line[:, 1], color="#888888", linewidth=0.5)
        panel.set_aspect("equal")

    return draw


def _change(jacobian: rk.Volume) -> Any:
    def draw(panel: Axes) -> None:
        panel.imshow(np.log(_middle(jacobian)), cmap="RdBu_r", origin="lower", vmin=-0.7, vmax=0.7)

    return draw


def _save(name: str, drawings: list[Any]) -> None:
    figure, panels = plt.subplots(1, len(drawings), figsize=(_INCH * len(drawings), 1.2 * _INCH))
    for panel, draw in zip(panels, drawings, strict=True):
        draw(panel)
        panel.set_axis_off()
    figure.subplots_adjust(0, 0, 1, 1, 0.02, 0)
    save_small(figure, DOCS / f"{name}.png", transparent=True)


if __name__ == "__main__":
    main()
