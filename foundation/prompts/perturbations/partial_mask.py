"""Masks of which a part is missing."""

from __future__ import annotations

import numpy as np

from foundation.prompts.perturbations.direction import random_direction
from foundation.prompts.perturbations.perturbation import MaskOutcome
from foundation.prompts.perturbations.structure import Structure
from regkit.volume import Volume


def cut_by_plane(mask: Volume, magnitude: float, generator: np.random.Generator) -> MaskOutcome:
    """Cut a share of a structure off by a plane that faces in a random direction.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        The share that is lost, from 0 to 1. What is realised is the share of the voxels lost: the
        nearest that their number allows.
    generator
        Draws the direction of the plane in the world, any with the same chance.
    """
    structure = Structure.around(mask, 0.0)
    index = np.argwhere(structure.inside)
    way = structure.grid.affine[:-1, :-1].T @ random_direction(generator, mask.ndim)
    order = np.argsort(index @ way, kind="stable")
    lost = round(magnitude * len(index))
    new = np.zeros_like(structure.inside)
    new[tuple(index[order[: len(index) - lost]].T)] = True
    put, clipped = structure.put(new)
    return MaskOutcome(put, lost / len(index), clipped)
