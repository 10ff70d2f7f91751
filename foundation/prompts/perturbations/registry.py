"""Find perturbations by name."""

from __future__ import annotations

from foundation.prompts.kinds import PromptKind
from foundation.prompts.perturbations.boundary import boundary_noise
from foundation.prompts.perturbations.box_errors import jitter_box, wrong_slice
from foundation.prompts.perturbations.dilation import dilate, erode, shell
from foundation.prompts.perturbations.motion import rotate, shift
from foundation.prompts.perturbations.partial_mask import cut_by_plane
from foundation.prompts.perturbations.perturbation import (
    DEGREES,
    SHARE,
    VOXELS,
    WORLD,
    Perturbation,
)
from foundation.prompts.perturbations.point_errors import mislabel_points, misplace_points
from foundation.prompts.perturbations.voxel_cube import (
    cube_dilate,
    cube_erode,
    cube_hole,
    paper_shift,
)
from regkit.errors import InputError
from regkit.settings import near

_MASK, _BOX, _POINTS = PromptKind.MASK, PromptKind.BOX, PromptKind.POINTS
_SAME = False  # whatever the draw
PERTURBATIONS = (
    Perturbation("dilate", WORLD, _MASK, "the mask is too large all around", dilate, _SAME),
    Perturbation("erode", WORLD, _MASK, "the mask is too small all around", erode, _SAME),
    Perturbation("shell", WORLD, _MASK, "a layer below the surface alone is left", shell, _SAME),
    Perturbation("shift", WORLD, _MASK, "the mask lies beside the structure", shift),
    Perturbation("rotate", DEGREES, _MASK, "the mask is turned about its centroid", rotate),
    Perturbation("boundary_noise", WORLD, _MASK, "the surface is uneven", boundary_noise),
    Perturbation("partial", SHARE, _MASK, "a share is cut off by a plane", cut_by_plane),
    Perturbation(
        "wrong_slice", WORLD, PromptKind.SLICE_BOX, "the box lies in another slice", wrong_slice
    ),
    Perturbation("jitter_box", WORLD, _BOX, "each side of the box is off", jitter_box),
    Perturbation("misplace_points", WORLD, _POINTS, "each point is off", misplace_points),
    Perturbation("mislabel_points", SHARE, _POINTS, "points of the wrong sign", mislabel_points),
    Perturbation("cube_dilate", VOXELS, _MASK, "dilation by a cube of voxels", cube_dilate, _SAME),
    Perturbation("cube_erode", VOXELS, _MASK, "erosion by a cube of voxels", cube_erode, _SAME),
    Perturbation("cube_hole", VOXELS, _MASK, "what erosion by a cube takes away", cube_hole, _SAME),
    Perturbation("paper_shift", VOXELS, _MASK, "shift by whole voxels per axis", paper_shift),
)


def perturbation_called(name: str) -> Perturbation:
    """Return the perturbation of that name.

    Raises
    ------
    InputError
        If there is none, with the names that are near.

    Examples
    --------
    >>> perturbation_called("dilate").unit
    'world'
    >>> perturbation_called("dilatte")
    Traceback (most recent call last):
    regkit.errors.InputError: perturbation 'dilatte': there is none; did you mean 'dilate'?
    """
    known = {each.name: each for each in PERTURBATIONS}
    if name not in known:
        raise InputError(f"perturbation {name!r}: there is none{near(name, known)}")
    return known[name]
