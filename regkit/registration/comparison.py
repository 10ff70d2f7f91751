"""How blocks lie through an affine and through the field after it: a second opinion."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.kernels.fields import turn_vectors
from regkit.registration.agreement import Agreement, PairBlocks
from regkit.registration.pair import LevelPair, Pair
from regkit.transforms import DisplacementField

_FINER = 2.0  # than the usual grid of agreement: a contrast moves edges by a voxel or two
_CHANGED = 0.7  # of the distance of blocks: what a field must come below within one person
_WORSE = 1.05
_NEAR = 0.7  # voxels of the usual grid: an affine leaves blocks of two people farther away


@dataclass(frozen=True)
class Comparison:
    """How blocks lie through an affine, and through the field after it, on the same voxels."""

    affine: Agreement
    field: Agreement

    @property
    def is_worse(self) -> bool:
        """Whether the field moved blocks out of their place.

        Where the place is known (slabs, a FLAIR and a T1 of one person), fields that came to 1.06
        to 1.10 of the affine's distance were 0.2 to 5 mm off, the affine itself 0.03 to 1.1. A few
        per cent are the noise of two visits, between which something may have changed.
        """
        return (
            self.field.residual > _WORSE * self.affine.residual
            and self.field.chance >= self.affine.chance
        )

    @property
    def shows_change(self) -> bool:
        """Whether the field moved blocks into their place, as a real change would have it.

        Contrasts of one person (T1, T2, FLAIR, raw or not): a smooth field that follows contrast
        rather than anatomy comes to 0.71 to 1.07 of the affine's distance, one that undoes a known
        deformation of 2 mm or more to 0.17 to 0.55.
        """
        return self.field.residual < _CHANGED * self.affine.residual

    def __str__(self) -> str:
        before, after = self.affine.residual, self.field.residual
        if math.isnan(before) or math.isnan(after):
            return "too few blocks to compare the affine with the field"
        return f"blocks lie {before:.2f} voxels off through the affine, {after:.2f} with the field"


def is_near(pair: Pair, affine: Matrix) -> bool:
    """Tell whether the affine alone brings blocks as near as those of one person lie.

    In the usual voxels the blocks of one person in two contrasts lie 0.35 to 0.67 off, those of two
    people 1.0 to 1.4. Where too few blocks were compared the answer is no.

    Parameters
    ----------
    pair
        The images at body scale.
    affine
        World affine from fixed to moving (4, 4).
    """
    return compare_affine(pair, affine).residual < _NEAR


def compare_affine(pair: Pair, affine: Matrix) -> Agreement:
    """Measure how blocks agree through an affine, in the usual voxels.

    Parameters
    ----------
    pair
        The images at body scale.
    affine
        World affine from fixed to moving (4, 4).
    """
    return PairBlocks.usual(pair).agreement(affine)


def compare_field(
    pair: Pair, alone: Matrix, affine: Matrix, field: DisplacementField, *, fine: bool
) -> Comparison:
    """Measure how blocks agree through an affine alone and through a field, in the same voxels.

    Parameters
    ----------
    pair
        The images at body scale.
    alone
        World affine from fixed to moving (4, 4), which is judged without a field.
    affine, field
        World affine from fixed to moving (4, 4), and the 3-D displacement before it, fixed to
        fixed; ``affine o field`` is judged.
    fine
        Compare in smaller voxels, which show small shifts too.
    """
    seen = PairBlocks.usual(pair, _FINER if fine else 1.0)
    first, known = seen.warped(alone)
    second, also = seen.warped(affine, in_voxels(field, seen.at))
    weight = torch.minimum(known, also)
    before, after = (seen.blocks.agreement(warped, weight) for warped in (first, second))
    return Comparison(before, after)


def in_voxels(field: DisplacementField, at: LevelPair) -> Tensor:
    """Resample a displacement on the grid of a level, and count it in the voxels of that grid.

    Parameters
    ----------
    field
        World points of fixed to world points of fixed, in 3-D.
    at
        The level.

    Returns
    -------
    Tensor
        ``(3, *shape)``, in voxels along the axes of the level's grid.
    """
    _, u = field.on(at.grid)
    return turn_vectors(u, at.grid.inverse_affine[:3, :3]).to(at.fixed)
