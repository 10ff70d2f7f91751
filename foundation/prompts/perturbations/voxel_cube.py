"""The operators of the robustness paper, which count in voxels whatever their size.

"On The Robustness of Foundational 3D Medical Image Segmentation Models Against Imprecise Visual
Prompts" (2026) dilates by ``max_pool3d`` with a kernel of ``2 r + 1`` voxels. They are here to
compare with its figures; at anisotropic spacing, ``r`` means another length along each axis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from foundation.prompts.perturbations.perturbation import MaskOutcome
from foundation.prompts.perturbations.structure import Flags, Structure
from foundation.prompts.perturbations.surface import surface_move
from regkit.volume import Volume


def cube_dilate(
    mask: Volume, magnitude: float, generator: np.random.Generator | None = None
) -> MaskOutcome:
    """Add all voxels in a cube of ``2 r + 1`` voxels around each one.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        ``r``, in voxels. What is realised is the mean distance of the new surface, in voxels.
    generator
        Not needed.
    """
    structure = _around(mask, magnitude)
    return _outcome(structure, _grow_cube(structure.inside, magnitude), 1.0)


def cube_erode(
    mask: Volume, magnitude: float, generator: np.random.Generator | None = None
) -> MaskOutcome:
    """Remove all voxels in a cube of ``2 r + 1`` voxels around each one that lies outside.

    The border of the field of view takes nothing away.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        ``r``, in voxels. What is realised is minus the mean distance of the new surface, in voxels.
    generator
        Not needed.
    """
    structure = _around(mask, magnitude)
    return _outcome(structure, _shrink_cube(structure, magnitude), -1.0)


def cube_hole(
    mask: Volume, magnitude: float, generator: np.random.Generator | None = None
) -> MaskOutcome:
    """Keep what :func:`cube_erode` removes: a shell; the larger ``r``, the less is lost.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        ``r``, in voxels; 0 is the mask itself. What is realised is ``r``, or the number of layers
        that there are, where they are fewer.
    generator
        Not needed.
    """
    structure = _around(mask, magnitude)
    layer = structure.inside & ~_shrink_cube(structure, magnitude)
    layers = int(magnitude)
    while layers > 1 and not (layer & _shrink_cube(structure, layers - 1)).any():
        layers -= 1
    put, clipped = structure.put(layer)
    return MaskOutcome(put, float(layers), clipped)


def paper_shift(mask: Volume, magnitude: float, generator: np.random.Generator) -> MaskOutcome:
    """Shift by whole voxels, drawn from ``-r`` to ``r - 1`` along each axis; ``r`` is 3 there.

    The range has no middle, and leaves out ``r``, as ``randint(-3, 3)`` does.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        ``r``, in voxels. What is realised is the length of the shift, in voxels.
    generator
        Draws it.
    """
    structure = Structure.around(mask, 0.0)
    reach = int(magnitude)
    shift = tuple(int(n) for n in generator.integers(-reach, reach, size=mask.ndim))
    put, clipped = structure.moved(shift).put(structure.inside)
    return MaskOutcome(put, float(np.linalg.norm(shift)), clipped)


def _around(mask: Volume, voxels: float) -> Structure:
    return Structure.around(mask, max(mask.spacing) * voxels)


def _grow_cube(inside: Flags, radius: float) -> Flags:
    size = 2 * int(radius) + 1
    flags: NDArray[np.uint8] = maximum_filter(inside.view(np.uint8), size, mode="constant")
    return flags.view(bool)


def _shrink_cube(structure: Structure, radius: float) -> Flags:
    kept = structure.inside | ~structure.in_view
    return ~_grow_cube(~kept, radius) & structure.inside


def _outcome(structure: Structure, new: Flags, sign: float) -> MaskOutcome:
    moved = surface_move(structure.inside, new, (1.0,) * new.ndim)
    put, clipped = structure.put(new)
    return MaskOutcome(put, sign * moved, clipped)
