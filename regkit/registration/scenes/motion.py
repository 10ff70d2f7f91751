"""From tie points to a motion: a translation, an affine or a smooth field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.registration.scenes.config import Kind
from regkit.registration.scenes.surface import Surface, fit_surface
from regkit.registration.scenes.ties import TiePoints
from regkit.registration.scenes.windows import Floats, WindowLayout
from regkit.transforms import Affine, DisplacementField, Transform

_FLOOR = 0.02  # pixels: no match is trusted to be better than this
_LEAST = 16  # tie points from which on a field may bend


@dataclass(frozen=True, eq=False)
class FittedMotion:
    """A motion through tie points, in the world of fixed.

    Parameters
    ----------
    transform
        World points of fixed to where they lie in moving, placed in fixed's world.
    left_out
        ``(M)``: how far tie points were off a motion that did not know them, in their pixels.
    stiffness
        What bending costs, as the points chose it: infinite where they chose none, NaN for a
        motion that was not to bend.
    """

    transform: Transform
    left_out: Floats
    stiffness: float


def fit_motion(ties: TiePoints, grid: Grid, kind: Kind, window: WindowLayout) -> FittedMotion:
    """Fit a motion to tie points that were kept.

    Parameters
    ----------
    ties
        In pixels of ``grid``.
    grid
        Of the level.
    kind
        ``translation``, ``affine``, or one of those that bend.
    window
        How windows lie on it.
    """
    kept = ties.kept()
    spread = np.hypot(_FLOOR, np.linalg.norm(kept.error, axis=1))
    if kind in ("local", "deformable") and len(kept) >= _LEAST:
        surface = fit_surface(kept.index, kept.shift, spread, grid.shape, window)
        field = field_of(surface, grid, window.step)
        return FittedMotion(field, surface.left_out, surface.stiffness)
    motion, left = _linear(kept, spread, grid, kind)
    return FittedMotion(motion, left, float("nan"))


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


def field_of(surface: Surface, grid: Grid, step: float) -> DisplacementField:
    """Sample a surface, which is in pixels of ``grid``, as a displacement in its world.

    Parameters
    ----------
    surface
        Shifts in pixels of ``grid``.
    grid
        On which it was found.
    step
        Pixels from knot to knot; nodes lie eight times as near.
    """
    apart = max(step / 8, 1.0)
    shape = [int(np.ceil((n - 1) / apart)) + 3 for n in grid.shape]
    start = homogeneous(apart * np.eye(2), [-apart] * 2)
    nodes = grid.placed(shape, grid.affine @ start)
    axes = [apart * (np.arange(n) - 1) for n in shape]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    shift = surface(index.reshape(-1, 2)) @ grid.affine[:-1, :-1].T
    u = torch.from_numpy(np.ascontiguousarray(shift.T.reshape(2, *shape), np.float32))
    return DisplacementField(u, nodes, 0.0, grid.world, grid.world)


def _linear(kept: TiePoints, spread: Floats, grid: Grid, kind: str) -> tuple[Affine, Floats]:
    """The translation or affine nearest to tie points, and how far each is off one without it."""
    centre = kept.index.mean(0)
    design = np.ones((len(kept), 1))
    if kind != "translation":
        design = np.column_stack([kept.index - centre, design])
    weight = 1 / spread**2
    normal = np.linalg.pinv(design.T @ (weight[:, None] * design))
    solved = normal @ (design.T @ (weight[:, None] * kept.shift))
    rest = kept.shift - design @ solved
    leverage = weight * np.einsum("na,ab,nb->n", design, normal, design)
    off = np.linalg.norm(rest, axis=1) / np.maximum(1 - leverage, 1e-3)
    linear = np.eye(2) + (solved[:2].T if kind != "translation" else 0)
    constant = solved[-1] - (linear - np.eye(2)) @ centre
    in_index = homogeneous(linear, constant)
    return Affine(grid.affine @ in_index @ grid.inverse_affine, grid.world, grid.world), off
