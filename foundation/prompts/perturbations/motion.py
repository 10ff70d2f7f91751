"""Masks that lie beside their structure: shifted, or turned about its centroid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, map_coordinates
from scipy.spatial.transform import Rotation

from foundation.prompts.perturbations.direction import random_direction
from foundation.prompts.perturbations.perturbation import MaskOutcome
from foundation.prompts.perturbations.structure import Flags, Structure
from regkit.errors import InputError
from regkit.volume import Volume

NEAR = 3.0  # voxels, within which the distance to a surface tells which are nearest


def shift(
    mask: Volume,
    magnitude: float,
    generator: np.random.Generator,
    *,
    direction: Sequence[float] | None = None,
) -> MaskOutcome:
    """Move a structure by ``magnitude`` in a random direction, or a given one.

    Its signed distance is resampled linearly, and as many voxels are taken as there were: the
    volume stays to the voxel, and so does the shape where the shift is one of whole voxels.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        In world units. What is realised is how far the centroid moved; where the field of view
        cuts the structure, before it does so.
    generator
        Draws the direction, any with the same chance.
    direction
        ``(d,)`` in the world, of any length but 0.

    Raises
    ------
    InputError
        If the direction has no length, or another number of axes than the mask.
    """
    way = random_direction(generator, mask.ndim) if direction is None else _unit(direction, mask)
    structure = Structure.around(mask, 0.0, beyond=max(mask.shape))
    steps = np.asarray(np.linalg.solve(structure.grid.affine[:-1, :-1], magnitude * way))
    whole = np.rint(steps).astype(int)
    new = _nearest_voxels(_shifted(_near_distance(structure), whole - steps), structure.count)
    there = structure.moved(whole.tolist())
    far = float(np.linalg.norm(there.centroid(new) - structure.centroid()))
    put, clipped = there.put(new)
    return MaskOutcome(put, far, clipped)


def rotate(mask: Volume, magnitude: float, generator: np.random.Generator) -> MaskOutcome:
    """Turn a structure about its centroid, about a random axis; the volume stays to the voxel.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        In degrees. It is what is realised, too: the turn is exact, its lattice alone is not.
    generator
        Draws the axis, any with the same chance; in 2-D the sense of the turn.
    """
    structure = Structure.around(mask, NEAR * max(mask.spacing), beyond=max(mask.shape))
    linear = structure.grid.affine[:-1, :-1]
    turn = _turn(magnitude, generator, mask.ndim)
    put, clipped = _turned(structure, np.asarray(np.linalg.solve(linear, turn @ linear)))
    return MaskOutcome(put, magnitude, clipped)


def _turn(degrees: float, generator: np.random.Generator, ndim: int) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    if ndim == 2:
        angle *= generator.choice([-1.0, 1.0])
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = Rotation.from_rotvec(angle * random_direction(generator, ndim))
    return np.asarray(turn.as_matrix())


def _unit(direction: Sequence[float], mask: Volume) -> NDArray[np.float64]:
    way = np.asarray(direction, dtype=np.float64)
    length = float(np.linalg.norm(way))
    if way.shape != (mask.ndim,) or not np.isfinite(length) or length == 0:
        raise InputError(
            f"shift: direction {tuple(direction)}; give {mask.ndim} finite numbers, not all 0"
        )
    return way / length


def _near_distance(structure: Structure) -> NDArray[np.float64]:
    """Signed distance, which is cut off where no surface comes near."""
    most = NEAR * max(structure.spacing)
    return np.clip(structure.signed_distance(most), -most, most)


def _shifted(distance: NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Resample linearly at ``index + offset``, less than a voxel away along each axis."""
    most = float(distance.max())
    for axis, step in enumerate(offset):
        rows = np.moveaxis(np.pad(distance, 1, constant_values=most), axis, 0)
        beside = rows[2:] if step > 0 else rows[:-2]
        mixed = np.moveaxis((1 - abs(step)) * rows[1:-1] + abs(step) * beside, 0, axis)
        inner = [slice(1, -1)] * distance.ndim
        inner[axis] = slice(None)
        distance = mixed[tuple(inner)]
    return distance


def _turned(structure: Structure, turn: NDArray[np.float64]) -> tuple[Volume, bool]:
    """Apply ``index -> turn @ (index - c) + c``, ``c`` the centroid, and put the result.

    It is resampled linearly near the surface, where it counts, and to the nearest elsewhere, in
    the box that the turned box of the structure needs.
    """
    distance = _near_distance(structure).astype(np.float32)
    most = float(distance.max())
    centre = np.argwhere(structure.inside).mean(axis=0)
    ends = np.array(list(product(*((0, n - 1) for n in distance.shape))))
    corners = (ends - centre) @ turn.T + centre
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    back = np.asarray(np.linalg.inv(turn))
    offset = centre + back @ (low - centre)
    shape = tuple(int(n) for n in high - low)
    out = affine_transform(distance, back, offset, output_shape=shape, order=0, cval=most)
    near = np.stack(np.nonzero(np.abs(out) < most))
    at = back @ near + offset[:, None]
    out[tuple(near)] = map_coordinates(distance, at, order=1, mode="constant", cval=most)
    new = _nearest_voxels(np.asarray(out, dtype=np.float64), structure.count)
    start = tuple(a + int(b) for a, b in zip(structure.start, low, strict=True))
    return Structure(structure.mask, new, start).put(new)


def _nearest_voxels(distance: NDArray[np.float64], count: int) -> Flags:
    """Take the ``count`` voxels of least signed distance; of equals those that come first."""
    flat = distance.ravel()
    limit = np.partition(flat, count - 1)[count - 1]
    chosen: Flags = np.asarray(flat < limit)
    ties = np.flatnonzero(flat == limit)
    chosen[ties[: count - int(chosen.sum())]] = True
    return np.asarray(chosen.reshape(distance.shape))
