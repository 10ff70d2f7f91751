"""What the viewer of a denoised image shows: before, after, and what was removed."""

from __future__ import annotations

from collections.abc import Sequence

from denoise.report.figures import largest
from denoise.result import DenoiseResult
from regkit.report import Section, hint, viewer
from regkit.report.display import display_range
from regkit.report.slices import planes
from regkit.report.volumes import focus, has_volume, image_layer, signed_layer, thinned_grid
from regkit.resample import warp
from regkit.transforms import Affine

_LAYERS = 3
_HOW = (
    "Let the image after flicker over the one before, or lay what was removed over it: an edge or "
    "a structure in it was removed from the image. Of a large image only every second or third "
    "voxel is shown, as it is: means of voxels would hide the noise."
)


def denoising_viewer(result: DenoiseResult, beside: Sequence[Section]) -> list[Section]:
    """Make the section with the viewer; none for flat images.

    Parameters
    ----------
    result
        What was denoised.
    beside
        All other sections of the page, which leave less room the larger they are.
    """
    if not has_volume(result.noisy.grid):
        return []
    grid = thinned_grid(result.noisy.grid, _LAYERS, beside)
    limits = display_range(result.denoised)
    before, after, removed = (
        warp(volume, Affine.identity(3), onto=grid)
        for volume in (result.noisy, result.denoised, result.residual)
    )
    layers = [
        image_layer("before", before, grid, limits),
        image_layer("after", after, grid, limits),
        signed_layer("removed", removed.data[0].float(), grid, largest(result.residual)),
    ]
    shown = viewer(layers, grid, focus(grid, planes(result.noisy)))
    return [Section("Look through the image", [hint(_HOW), shown])]
