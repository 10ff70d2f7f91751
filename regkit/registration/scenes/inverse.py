"""The way back: from points of a scene to points of the reference."""

from __future__ import annotations

import numpy as np

from regkit.geometry.affines import homogeneous
from regkit.geometry.grid import Grid
from regkit.registration.scenes.placed import placed_by_headers
from regkit.transforms import Affine, DisplacementField, Transform, compose


def scene_inverse(motion: Transform, fixed: Grid, moving: Grid) -> Transform:
    """Invert the map of two scenes.

    Parameters
    ----------
    motion
        World points of fixed to where they lie in moving, placed in fixed's world.
    fixed, moving
        The grids of both scenes.

    Returns
    -------
    Transform
        World points of moving to world points of fixed.

    Raises
    ------
    NotInvertibleError
        If the motion folds.
    InputError
        If the two lie too far apart for a reprojection.
    """
    back = compose(_undone(motion), placed_by_headers(moving, fixed))
    return back.between(moving.world, fixed.world)


def _undone(motion: Transform) -> Transform:
    """The inverse of a motion.

    Beyond its nodes a displacement moves nothing, so that it is inverted without its mean: only
    what bends lies on nodes, and points near the border stay among them.
    """
    if not isinstance(motion, DisplacementField):
        return motion.inverse()
    mean = motion.u.flatten(1).double().mean(1)
    bending = DisplacementField(motion.u - mean[:, None, None].float(), motion.grid)
    return compose(bending.inverse(), Affine(homogeneous(np.eye(2), -mean.numpy())))
