"""What the viewer of a denoised image shows: before, after, and what was removed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from denoise.report.figures import colour_limit
from denoise.result import DenoiseResult
from regkit.geometry import Grid
from regkit.report import Section, hint, viewer
from regkit.report.display import display_range
from regkit.report.slices import planes
from regkit.report.small_copies import focus, has_volume, thinned_grid
from regkit.report.volumes import series_layer, shown_frames, signed_layer
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

_LAYERS = 3
_HOW = (
    "Let the image after flicker over the one before, or lay what was removed over it: an edge or "
    "a structure in it was removed from the image. Of a large image only some voxels are shown, at "
    "equal distances and as they are: means would hide the noise."
)
_SERIES = "{} of the {} frames are here: move the slider, or play them. Their numbers count from 0."


def denoising_viewer(results: Sequence[DenoiseResult], beside: Sequence[Section]) -> list[Section]:
    """Make the section with the viewer; none for flat images.

    Parameters
    ----------
    results
        What was denoised, one a frame; of a long series, frames at equal distances are shown.
    beside
        All other sections of the page, which leave less room the larger they are.
    """
    first = results[0].noisy
    if not has_volume(first.grid):
        return []
    frames = shown_frames(len(results))
    shown = [results[frame] for frame in frames]
    grid = thinned_grid(first.grid, _LAYERS * len(frames), beside)
    middle = shown[len(shown) // 2]
    limits = display_range(middle.denoised)
    layers = [
        series_layer("before", _sampled([each.noisy for each in shown], grid), grid, limits),
        series_layer("after", _sampled([each.denoised for each in shown], grid), grid, limits),
        signed_layer(
            "removed",
            _sampled([each.residual for each in shown], grid),
            grid,
            colour_limit(middle.residual),
        ),
    ]
    drawn = viewer(layers, grid, focus(grid, planes(middle.noisy)), frames)
    hints = [hint(_HOW), *([hint(_SERIES.format(len(frames), len(results)))] if frames[1:] else [])]
    return [Section("Look through the image", [*hints, drawn])]


def _sampled(volumes: Sequence[Volume], grid: Grid) -> Tensor:
    """Voxels ``(i, j, k, t)`` on ``grid``, or ``(i, j, k)`` of a single volume."""
    frames = [
        warp(volume, Affine.identity(3), onto=grid).data[0].cpu().float() for volume in volumes
    ]
    return torch.stack(frames, dim=-1) if len(frames) > 1 else frames[0]
