"""Figures of a denoised image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from denoise.constant import is_constant
from denoise.learning.validation import Validation
from denoise.report.measures import Curve, bias_by_intensity, spectrum
from denoise.result import DenoiseResult
from regkit.report.canvas import MAP, Panel, strip
from regkit.report.charts import chart_row, dress, picture
from regkit.report.colours import ColourScale
from regkit.report.display import display_range, shade
from regkit.report.figures import grey
from regkit.report.palette import BLUE, FAINT, GREEN, INK, ORANGE
from regkit.report.picture import Picture
from regkit.report.slices import cut_plane, planes
from regkit.volume import Volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def before_and_after(result: DenoiseResult) -> tuple[Picture, Picture]:
    """Draw the same slices before and after, shaded alike."""
    view, limits = planes(result.noisy), display_range(result.denoised)
    names = ", ".join(plane.name for plane in view)
    shown = [
        [shade(cut_plane(volume, plane, outside=limits[0]), limits) for plane in view]
        for volume in (result.noisy, result.denoised)
    ]
    return (
        grey(view, shown[0], f"Before: {names}."),
        grey(view, shown[1], f"After: {names}."),
    )


def signed_slices(volume: Volume, like: Volume, words: str) -> Picture:
    """Draw slices of values of either sign, with a colour bar.

    Parameters
    ----------
    volume
        The values, of one channel.
    like
        The image whose foreground says where it is cut, in the same world.
    words
        The quantity, for the colour bar and the alternative text.
    """
    return _map(volume, like, words, Panel.show_signed)


def positive_slices(volume: Volume, like: Volume, words: str) -> Picture:
    """Draw slices of values from 0 up, with a colour bar.

    Parameters
    ----------
    volume
        The values, of one channel.
    like
        The image whose foreground says where it is cut, in the same world.
    words
        The quantity, for the colour bar and the alternative text.
    """
    return _map(volume, like, words, Panel.show_positive)


def _map(volume: Volume, like: Volume, words: str, show: Callable[..., ColourScale]) -> Picture:
    view = planes(like)
    limit = colour_limit(volume)
    drawn = strip(view, look=MAP)
    for panel, plane in zip(drawn.panels, view, strict=True):
        scale = show(panel, cut_plane(volume, plane), limit)
    drawn.add_bar(scale, words)
    return drawn.picture(f"{words}: {', '.join(plane.name for plane in view)}.")


def colour_limit(volume: Volume) -> float:
    """Choose the value at which colours end: nearly all values lie within, of either sign."""
    return float(np.quantile(volume.data.abs().numpy(), 0.998)) or 1.0


def curves(result: DenoiseResult) -> Picture:
    """Plot power spectra, and the mean of what was removed by intensity."""
    figure, (left, right) = chart_row(2)
    whole = {
        "before": (result.noisy, INK),
        "after": (result.denoised, BLUE),
        "removed": (result.residual, ORANGE),
    }
    for name, (volume, colour) in whole.items():
        _line(left, spectrum(volume.data[0].double().numpy()), colour, name)
    if not is_constant([result.noisy]):  # whose spectrum is 0
        left.set_yscale("log")
    left.legend(fontsize=8, frameon=False)
    dress(left, "Power", "cycles per voxel")
    bias = bias_by_intensity(result)
    right.axhline(0, color=FAINT)
    right.errorbar(bias.x, bias.y, yerr=2 * (bias.error if bias.error is not None else 0 * bias.y),
                   color=ORANGE, marker=".", linewidth=1)  # fmt: skip
    dress(right, "Mean of what was removed", "intensity of the result")
    return picture(
        figure, "Power spectra before, after and of what was removed; its mean by intensity."
    )


def learning_curves(history: Sequence[Validation], chosen: Validation) -> Picture:
    """Plot the measures by which the checkpoint was chosen over the steps of training."""
    steps = np.array([each.step for each in history], dtype=float)
    rows = (
        ("Estimated error / noise variance", [each.risk for each in history], None),
        ("Error on neighbours / noise variance", [each.neighbours for each in history], None),
        ("Variance removed / noise variance", [each.residual for each in history], 1.0),
        ("Correlation in what is removed", [each.correlation for each in history], 0.0),
    )
    figure, panels = chart_row(len(rows))
    for ax, (title, values, ideal) in zip(panels, rows, strict=True):
        if ideal is not None:
            ax.axhline(ideal, color=FAINT)
        _line(ax, Curve(steps, np.array(values)), BLUE, "")
        ax.axvline(chosen.step, color=GREEN, linewidth=1, linestyle="--")
        dress(ax, title, "step")
    panels[0].set_yscale("log")
    return picture(figure, f"Checks during learning, by step; step {chosen.step} was chosen.")


def _line(ax: Axes, curve: Curve, colour: str, name: str) -> None:
    ax.plot(curve.x, curve.y, color=colour, linewidth=1.4, label=name, marker=".")
