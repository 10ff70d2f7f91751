"""What the viewer of a motion correction shows: frames before and after it, as a movie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from regkit.geometry.grid import Grid
from regkit.registration.series import MotionResult
from regkit.report.display import display_range
from regkit.report.parts import Section, hint, viewer
from regkit.report.slices import Plane
from regkit.report.small_copies import focus, has_volume, small_copy, small_grid
from regkit.report.volumes import Layer, series_layer, shown_frames
from regkit.volume.volume import Volume

_LAYERS = 2
_HOW = (
    "{} of the {} frames are here: play them, or move the slider; their numbers count from 0. What "
    "jumps from frame to frame under the crosshair before the correction should rest after it. "
    "Show the image before with nothing above it, or let both flicker."
)


def series_viewer(
    result: MotionResult, view: Sequence[Plane], beside: Sequence[Section]
) -> list[Section]:
    """Make the section with the viewer; none for flat images.

    Parameters
    ----------
    result
        What was found; of a long series, frames at equal distances are shown.
    view
        The planes of the pictures, where the crosshair begins.
    beside
        All other sections of the page, which leave less room the larger they are.
    """
    if not has_volume(result.grid):
        return []
    numbers = shown_frames(len(result.frames))
    grid = small_grid(result.grid, _LAYERS * len(numbers), beside)
    drawn = viewer(movie_layers(result, numbers, grid), grid, focus(grid, view), numbers)
    return [
        Section(
            "Look through the frames", [hint(_HOW.format(len(numbers), len(result.frames))), drawn]
        )
    ]


def movie_layers(result: MotionResult, numbers: Sequence[int], grid: Grid) -> list[Layer]:
    """Make the layers ``before`` and ``after`` of some frames.

    Parameters
    ----------
    result
        What was found.
    numbers
        Of the frames, from 0.
    grid
        Where they are shown, in the world of the reference.
    """
    limits = display_range(result.mean)
    frames = {
        "before": (result.frames[number] for number in numbers),
        "after": (result.corrected_frame(number) for number in numbers),
    }
    return [
        series_layer(name, _movie(volumes, grid), grid, limits) for name, volumes in frames.items()
    ]


def _movie(volumes: Iterable[Volume], grid: Grid) -> torch.Tensor:
    """Frames ``(i, j, k, t)`` on ``grid``, one after the other in memory."""
    return torch.stack([small_copy(each, grid).data[0] for each in volumes], dim=-1)
