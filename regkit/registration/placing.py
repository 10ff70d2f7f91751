"""What is known before the engines run, taken into moving's header, so that they need not know.

An initial affine says how large the one body is beside the other (a mouse and a human), and two
single slices lie in planes of their own. Engines that begin at the identity look for what is left:
their voxels, priors and shares of overlap then mean the same as for any other pair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, apply_affine
from regkit.geometry.grid import Grid
from regkit.registration.result import EngineStage
from regkit.transforms import Affine, Transform, compose, links
from regkit.volume.points import Points
from regkit.volume.volume import AnyVolume, Volume

_STEEPEST = 45.0  # degrees between two planes that still show about the same
_SLICE = 0.5  # of a slice: what lies nearer is in it


@dataclass(frozen=True)
class Placing:
    """An affine that is done before the engines, world points of fixed to those of moving.

    Parameters
    ----------
    matrix
        In the dimension of the images; None leaves moving where it is.
    stages
        What the record says of it.
    """

    matrix: Matrix | None = None
    stages: tuple[EngineStage, ...] = ()

    def placed(self, volume: AnyVolume) -> AnyVolume:
        """A volume of moving's world, in that of fixed as far as the affine leads."""
        if self.matrix is None:
            return volume
        affine = np.linalg.inv(self.matrix) @ volume.grid.affine
        affine[-1] = volume.grid.affine[-1]
        return replace(volume, grid=volume.grid.placed(volume.grid.shape, affine))

    def placed_points(self, points: Points) -> Points:
        """Points of moving's world, in that of fixed as far as the affine leads."""
        if self.matrix is None:
            return points
        return Affine(self.matrix).inverse().map_points(points)

    def whole(self, transform: Transform) -> Transform:
        """``transform``, which leads to where moving was placed, to where it lies."""
        return transform if self.matrix is None else compose(Affine(self.matrix), transform)

    def back(self, inverse: Transform | None) -> Transform | None:
        """The same for an inverse, if there is one."""
        if self.matrix is None or inverse is None:
            return inverse
        return compose(inverse, Affine(self.matrix).inverse())


def placing_of(fixed: Volume, moving: Volume, initial: Transform | None) -> Placing:
    """Decide where moving is placed in the world of fixed before registration.

    Parameters
    ----------
    fixed, moving
        The images, before anything else is done to them.
    initial
        World points of fixed to world points of moving, or None. If the last that it applies is an
        affine, moving is placed by that; without ``initial``, single slices are laid on each other.

    Raises
    ------
    InputError
        If there is no ``initial``, and both images are single slices that stand steeply on each
        other.
    """
    if initial is None:
        return _planes(fixed, moving)
    first = links(initial)[0]
    return Placing(first.matrix) if isinstance(first, Affine) else Placing()


def rest_of(initial: Transform | None) -> Transform | None:
    """Return what is left of ``initial`` once :func:`placing_of` has taken its affine.

    Parameters
    ----------
    initial
        World points of fixed to world points of moving, or None, which stays None.

    Returns
    -------
    Transform
        World points of fixed to world points of fixed, where moving was placed; the identity, not
        None, if the affine was all.
    """
    if initial is None:
        return None
    first, *others = links(initial)
    if not isinstance(first, Affine):
        return initial
    return compose(Affine.identity(initial.ndim), *others)


def _planes(fixed: Volume, moving: Volume) -> Placing:
    """Nothing, unless both images are one slice and moving's is not where fixed's is."""
    if not (is_slice(fixed.grid) and is_slice(moving.grid)):
        return Placing()
    here, there = slice_normal(fixed.grid), slice_normal(moving.grid)
    there = there if here @ there >= 0 else -there
    degrees = float(np.degrees(np.arccos(np.clip(here @ there, -1, 1))))
    names = f"{fixed.name or 'fixed'} and {moving.name or 'moving'}"
    if degrees > _STEEPEST:
        raise InputError(
            f"{names} are single slices at {degrees:.0f} degrees to each other; at most "
            f"{_STEEPEST:.0f} can be registered. Give an initial transform that lays one on the "
            "other, or images of several slices"
        )
    if _within(fixed.grid, moving.grid):
        return Placing()
    matrix = _onto(here, there, fixed.grid.centre, moving.grid.centre)
    apart = float(abs((moving.grid.centre - fixed.grid.centre) @ there))
    note = (
        f"single slices, whose planes lie {apart:.3g} apart (world units) at {degrees:.0f} "
        "degrees: laid on each other first"
    )
    return Placing(matrix, (EngineStage("planes", "", "", 0.0, note=note),))


def is_slice(grid: Grid) -> bool:
    """Tell whether a grid is 3-D and has one slice."""
    return grid.ndim == 3 and sum(n == 1 for n in grid.shape) == 1


def slice_normal(grid: Grid) -> Matrix:
    """Return the unit normal of a single slice, ``(3,)``, in the world."""
    first, second = (grid.affine[:3, a] for a, n in enumerate(grid.shape) if n > 1)
    normal = np.cross(first, second)
    out: Matrix = normal / np.linalg.norm(normal)
    return out


def _within(fixed: Grid, moving: Grid) -> bool:
    """Whether all of fixed's slice lies inside the thickness of moving's."""
    axis = moving.shape.index(1)
    index = torch.tensor([[0, n - 1] for n in fixed.shape], dtype=torch.float64)
    corners = fixed.to_world(torch.cartesian_prod(*index))
    return bool((moving.to_index(corners)[:, axis].abs() < _SLICE).all())


def _onto(here: Matrix, there: Matrix, centre: Matrix, target: Matrix) -> Matrix:
    """The smallest rigid map of the plane through ``centre`` to that through ``target``."""
    axis = np.cross(here, there)
    skew = np.cross(np.eye(3), axis)
    turn = np.eye(3) + skew + skew @ skew / (1 + here @ there)
    out = np.eye(4)
    out[:3, :3] = turn
    out[:3, 3] = centre - turn @ centre
    gap = there @ (target - apply_affine(out, centre[None])[0])
    out[:3, 3] += gap * there
    return out
