"""Masks that are too large, too small, or hollow, by a length in the world."""

from __future__ import annotations

import numpy as np

from foundation.prompts.perturbations.ball import ball_depth, grow_ball, shrink_ball
from foundation.prompts.perturbations.perturbation import MaskOutcome
from foundation.prompts.perturbations.structure import Flags, Structure
from foundation.prompts.perturbations.surface import surface_move
from regkit.errors import InputError
from regkit.settings import near
from regkit.volume import Volume

BORDERS = ("kept", "eroded")


def dilate(
    mask: Volume, magnitude: float, generator: np.random.Generator | None = None
) -> MaskOutcome:
    """Add what lies within ``magnitude`` of a structure, as :func:`grow_ball` does.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        In world units. What is realised is the mean distance of the new surface from the old one.
    generator
        Not needed: nothing is left to chance.
    """
    structure = Structure.around(mask, magnitude)
    grown = grow_ball(structure.inside, structure.spacing, magnitude)
    moved = surface_move(structure.inside, grown, structure.spacing)
    return MaskOutcome(*_swap(structure, grown, moved))


def erode(
    mask: Volume,
    magnitude: float,
    generator: np.random.Generator | None = None,
    *,
    border: str = "kept",
) -> MaskOutcome:
    """Remove what lies within ``magnitude`` of the outside of a structure.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        In world units. What is realised is the mean distance of the new surface from the old one,
        with a minus sign.
    generator
        Not needed: nothing is left to chance.
    border
        ``"kept"``: the structure may go on beyond the field of view, whose border takes nothing
        away; ``"eroded"``: it ends there.

    Raises
    ------
    InputError
        If ``border`` is neither.
    """
    if border not in BORDERS:
        raise InputError(f"erode: border {border!r}{near(border, BORDERS)}")
    structure = Structure.around(mask, magnitude)
    left = _shrunk(structure, magnitude, border)
    moved = surface_move(structure.inside, left, structure.spacing)
    return MaskOutcome(*_swap(structure, left, -moved))


def shell(
    mask: Volume, magnitude: float, generator: np.random.Generator | None = None
) -> MaskOutcome:
    """Keep a layer of the thickness ``magnitude`` below the surface, and nothing of the inside.

    The larger the magnitude, the less is lost; 0 is, as with all perturbations, the mask itself.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        In world units. What is realised is the depth of the deepest voxel left.
    generator
        Not needed: nothing is left to chance.
    """
    structure = Structure.around(mask, magnitude)
    layer = structure.inside & ~_shrunk(structure, magnitude, "kept")
    depth = ball_depth(structure.inside | ~structure.in_view, structure.spacing)
    reached = float(depth[layer].max()) if layer.any() else float("nan")
    return MaskOutcome(*_swap(structure, layer, reached))


def _shrunk(structure: Structure, distance: float, border: str) -> Flags:
    beyond = ~structure.in_view if border == "kept" else np.zeros_like(structure.inside)
    left = shrink_ball(structure.inside | beyond, structure.spacing, distance)
    return left & structure.inside


def _swap(structure: Structure, new: Flags, realised: float) -> tuple[Volume, float, bool]:
    mask, clipped = structure.put(new)
    return mask, realised, clipped
