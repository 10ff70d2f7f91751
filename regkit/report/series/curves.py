"""Charts of motion over the frames of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from regkit.registration.series import MotionResult
from regkit.report.charts import chart_row, dress, picture
from regkit.report.palette import BLUE, GREEN, ORANGE
from regkit.report.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (("x", BLUE), ("y", ORANGE), ("z", GREEN))
_FRAME = "frame"


def motion_curves(result: MotionResult) -> Picture:
    """Draw the shifts and the rotations of every frame side by side."""
    figure, axes = chart_row(2)
    unit, parameters = result.grid.world.unit, result.parameters
    _three(axes[0], parameters[:, :3], f"Shift of the middle of the body, {unit}")
    _three(axes[1], np.degrees(parameters[:, 3:]), "Rotation, degrees")
    for ax in axes:
        _mark_frames(ax, result)
    largest = np.nanmax(np.abs(parameters[:, :3]))
    turned = np.degrees(np.nanmax(np.abs(parameters[:, 3:])))
    return picture(
        figure,
        f"Motion of each frame: shifts up to {largest:.2f} {unit}, rotations up to {turned:.2f} "
        "degrees.",
    )


def displacement_curve(result: MotionResult) -> Picture:
    """Draw the framewise displacement, and mark the frames that failed."""
    figure, (ax,) = chart_row(1)
    unit = result.grid.world.unit
    ax.plot(result.displacement, ".-", color=BLUE, linewidth=1.2, markersize=4)
    ax.set_ylim(bottom=0)
    _mark_frames(ax, result)
    dress(ax, f"Framewise displacement, {unit}", _FRAME)
    known = result.displacement[np.isfinite(result.displacement)]
    middle = f"{np.median(known):.2f} {unit} in the median" if len(known) else "not known"
    return picture(figure, f"Framewise displacement over the frames: {middle}.")


def _three(ax: Axes, values: np.ndarray, title: str) -> None:
    for (name, colour), column in zip(_COLOURS, values.T, strict=True):
        ax.plot(column, ".-", color=colour, linewidth=1.2, markersize=3, label=name)
    ax.legend(frameon=False, fontsize=8, ncols=3, loc="best")
    dress(ax, title, _FRAME)


def _mark_frames(ax: Axes, result: MotionResult) -> None:
    """Whole numbers below, and grey where a frame failed."""
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    for number in result.frames_of("fail"):
        ax.axvspan(number - 0.5, number + 0.5, color="#000000", alpha=0.15, linewidth=0)
