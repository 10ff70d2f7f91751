"""From tie points to a motion: a translation, an affine or a smooth field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from regkit.geometry.grid import Grid
from regkit.registration.scenes.config import Kind
from regkit.registration.scenes.patches import WindowPatches
from regkit.registration.scenes.surface import Surface, fit_plane, fit_surface, left_out
from regkit.registration.scenes.ties import TiePoints
from regkit.registration.scenes.windows import Floats
from regkit.transforms import Transform
from regkit.volume.once import once

_LEAST = 16  # tie points from which on a field may bend


@dataclass(frozen=True, eq=False)
class FittedMotion:
    """A motion through tie points, in the world of fixed.

    Parameters
    ----------
    transform
        World points of fixed to where they lie in moving, placed in fixed's world.
    surface
        The same in pixels.
    kept, patches
        The tie points that were kept, and those of their windows, in pixels.
    """

    transform: Transform
    surface: Surface
    kept: TiePoints
    patches: WindowPatches

    @once
    def left_out(self) -> Floats:
        """How far tie points are off a motion that does not know them, in their pixels, ``(M)``."""
        return left_out(self.surface, self.kept, self.patches)


def fit_motion(
    ties: TiePoints, patches: WindowPatches, grid: Grid, kind: Kind, knots: float
) -> FittedMotion:
    """Fit a motion to tie points that were kept.

    Parameters
    ----------
    ties, patches
        In pixels of ``grid``.
    grid
        Of the level.
    kind
        ``translation``, ``affine``, or one of those that bend.
    knots
        Pixels from knot to knot of splines.
    """
    kept, patches = ties.kept(), patches.of_windows(ties.good)
    if kind in ("local", "deformable") and len(kept) >= _LEAST:
        surface = fit_surface(patches, grid.shape, knots)
    else:
        surface = fit_plane(patches, grid.shape, sloped=kind != "translation")
    motion = surface.functions.transform(surface.coefficients, grid)
    return FittedMotion(motion, surface, kept, patches)


def shift_at(motion: Transform, grid: Grid, index: Floats) -> Floats:
    """Return how far a motion moves pixels, ``(N, 2)`` in pixels.

    Parameters
    ----------
    motion
        World points of fixed to world points of moving, both in the world of ``grid``.
    grid
        Whose pixels they are.
    index
        ``(N, 2)``, in pixels of ``grid``.
    """
    points = torch.from_numpy(np.ascontiguousarray(index))
    moved: Floats = (grid.to_index(motion(grid.to_world(points))) - points).numpy()
    return moved
