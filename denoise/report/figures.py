"""Figures of a denoised image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from denoise.constant import is_constant
from denoise.learning.health import Health
from denoise.report.measures import Curve, bias_by_intensity, spectrum
from denoise.result import Result
from regkit.report.canvas import MAP, Panel, Picture, add_bar, picture, strip
from regkit.report.display import display_range, shade
from regkit.report.figures import grey
from regkit.report.slices import cut, planes
from regkit.volume import Volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_INK, _FAINT, _BLUE, _ORANGE, _GREEN = "#1f2328", "#d5d9de", "#0072b2", "#d55e00", "#009e73"
_PANELS = 4


def before_and_after(result: Result) -> tuple[Picture, Picture]:
    """The same slices, shaded alike."""
    view, limits = planes(result.noisy), display_range(result.denoised)
    names = ", ".join(plane.name for plane in view)
    shown = [
        [shade(cut(volume, plane, outside=limits[0]), limits) for plane in view]
        for volume in (result.noisy, result.denoised)
    ]
    return (
        grey(view, shown[0], f"Before: {names}."),
        grey(view, shown[1], f"After: {names}."),
    )


def signed(volume: Volume, like: Volume, words: str) -> Picture:
    """Slices of values of either sign, where those of ``like`` are cut."""
    return _map(volume, like, words, Panel.show_signed)


def positive(volume: Volume, like: Volume, words: str) -> Picture:
    """Slices of values from 0 up, where those of ``like`` are cut."""
    return _map(volume, like, words, Panel.show_positive)


def _map(volume: Volume, like: Volume, words: str, show: Callable[..., AxesImage]) -> Picture:
    view = planes(like)
    limit = float(np.quantile(volume.data.abs().numpy(), 0.998)) or 1.0
    figure, panels = strip(view, look=MAP)
    for panel, plane in zip(panels, view, strict=True):
        drawn = show(panel, cut(volume, plane), limit)
    add_bar(figure, drawn, words)
    return picture(figure, f"{words}: {', '.join(plane.name for plane in view)}.")


def curves(result: Result) -> Picture:
    """Spectra, bias by intensity."""
    figure, (left, right) = _panels(2)
    whole = {
        "before": (result.noisy, _INK),
        "after": (result.denoised, _BLUE),
        "taken away": (result.residual, _ORANGE),
    }
    for name, (volume, colour) in whole.items():
        _line(left, spectrum(volume.data[0].double().numpy()), colour, name)
    if not is_constant([result.noisy]):  # whose spectrum is 0
        left.set_yscale("log")
    left.legend(fontsize=8, frameon=False)
    _dress(left, "Power", "cycles per voxel")
    bias = bias_by_intensity(result)
    right.axhline(0, color=_FAINT)
    right.errorbar(bias.x, bias.y, yerr=2 * (bias.error if bias.error is not None else 0 * bias.y),
                   color=_ORANGE, marker=".", linewidth=1)  # fmt: skip
    _dress(right, "Mean of what was taken away", "intensity of the result")
    return picture(figure, "Power spectra, and mean residual by intensity.")


def learning(history: Sequence[Health], chosen: Health) -> Picture:
    """The rules by which the checkpoint was chosen."""
    figure, panels = _panels(_PANELS)
    steps = np.array([each.step for each in history], dtype=float)
    rows = (
        ("Estimated error / noise variance", [each.risk for each in history], None),
        ("Error on neighbouring voxels / the same", [each.neighbours for each in history], None),
        ("Variance taken away / noise variance", [each.residual for each in history], 1.0),
        ("Correlation of what is taken away", [each.correlation for each in history], 0.0),
    )
    for ax, (title, values, ideal) in zip(panels, rows, strict=True):
        if ideal is not None:
            ax.axhline(ideal, color=_FAINT)
        _line(ax, Curve(steps, np.array(values)), _BLUE, "")
        ax.axvline(chosen.step, color=_GREEN, linewidth=1, linestyle="--")
        _dress(ax, title, "step")
    panels[0].set_yscale("log")
    return picture(figure, f"Checks while learning; step {chosen.step} was taken.")


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(11.0, 3.1), facecolor="#ffffff", layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _line(ax: Axes, curve: Curve, colour: str, name: str) -> None:
    ax.plot(curve.x, curve.y, color=colour, linewidth=1.4, label=name, marker=".")


def _dress(ax: Axes, title: str, across: str) -> None:
    ax.set_title(title, fontsize=10, color=_INK, parse_math=False)
    ax.set_xlabel(across, fontsize=9, color=_INK)
    ax.tick_params(colors=_INK, labelsize=8)
    ax.grid(axis="y", color=_FAINT, linewidth=0.6)
    for side, spine in ax.spines.items():
        spine.set_color(_FAINT)
        spine.set_visible(side in ("left", "bottom"))
