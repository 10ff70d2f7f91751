"""Motion in six numbers a frame, and framewise displacement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from regkit.geometry.affines import Matrix, apply_affine, nearest_rotation

HEAD_RADIUS = 50.0  # millimetres: Power et al., NeuroImage 2012
_HEAD = (0.5, 2.0)  # shares of the brain of an adult, from a newborn's to a whole head


def motion_parameters(affines: Sequence[Matrix], centre: Matrix) -> Matrix:
    """Return shifts and angles of world affines (4, 4) from the reference to each frame.

    Parameters
    ----------
    affines
        One a frame; of one that is not rigid the nearest rotation counts.
    centre
        The world point ``(3,)`` about which rotations are counted.

    Returns
    -------
    Matrix
        ``(N, 6)``: where the centre moves along the world axes, in world units, and the angles
        about them in radians: about x first, then y, then z, each right-handed.

    Examples
    --------
    >>> moved = np.eye(4)
    >>> moved[0, 3] = 2.0
    >>> motion_parameters([moved], np.zeros(3)).tolist()
    [[2.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    shifts = [apply_affine(each, centre) - centre for each in affines]
    turns = [
        Rotation.from_matrix(nearest_rotation(each[:3, :3])).as_euler("xyz") for each in affines
    ]
    return np.hstack([np.array(shifts), np.array(turns)])


def framewise_displacement(parameters: Matrix, radius: float) -> Matrix:
    """Return how far each frame moved against the one before it (Power et al. 2012).

    The sum of the absolute changes of the three shifts, and of the three angles as arcs on a
    sphere.

    Parameters
    ----------
    parameters
        ``(N, 6)``, as :func:`motion_parameters` gives them; NaN where nothing is known.
    radius
        Of the sphere, in the unit of the shifts.

    Returns
    -------
    Matrix
        ``(N,)``, NaN for the first frame, and wherever one of two is not known.

    Examples
    --------
    >>> moves = np.array([[0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0.01]])
    >>> framewise_displacement(moves, 50.0).tolist()
    [nan, 1.0]
    """
    arcs = np.asarray(parameters, dtype=np.float64) * np.array([1.0] * 3 + [radius] * 3)
    first: Matrix = np.full(1, np.nan)
    return np.concatenate([first, np.abs(np.diff(arcs, axis=0)).sum(axis=1)])


def sphere_radius(unit: float, asked: float | None, *, millimetres: bool) -> float:
    """Choose the sphere of the framewise displacement, in world units.

    Parameters
    ----------
    unit
        What stands for a millimetre of a body as large as an adult's brain (160 mm).
    asked
        What the user says; it is taken.
    millimetres
        Whether the world counts in them.

    Returns
    -------
    float
        50 mm for bodies between half and twice an adult's brain, so that values compare with those
        of other programs; of any other body the same share of its size, 5/16.

    Examples
    --------
    >>> sphere_radius(1.1, None, millimetres=True), sphere_radius(0.1, None, millimetres=True)
    (50.0, 5.0)
    """
    if asked is not None:
        return asked
    if millimetres and _HEAD[0] <= unit <= _HEAD[1]:
        return HEAD_RADIUS
    return float(f"{HEAD_RADIUS * unit:.3g}")
