"""Masks whose surface is uneven, as that of a hand that trembles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates

from foundation.prompts.perturbations.perturbation import MaskOutcome
from foundation.prompts.perturbations.structure import Structure
from foundation.prompts.perturbations.surface import surface_move
from regkit.errors import InputError
from regkit.volume import Volume

MOST_DEVIATIONS = 3.5  # standard deviations that the surface may move by
PER_LENGTH = 4.0  # nodes of the random field in one correlation length
SIGMA = PER_LENGTH / 2**0.5  # of the filter of white noise, in nodes; it correlates over its root 2


def boundary_noise(
    mask: Volume, magnitude: float, generator: np.random.Generator, *, correlation: float = 8.0
) -> MaskOutcome:
    """Move the surface in and out by a smooth random field.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    magnitude
        Standard deviation of the field, in world units. What is realised is the root of the mean
        square of the distances of the new surface from the old one.
    generator
        Draws the field: Gaussian, cut at 3.5 standard deviations.
    correlation
        The distance, in world units, at which the correlation of the field falls to exp(-1/2).

    Raises
    ------
    InputError
        If the correlation length is not positive.
    """
    if not (np.isfinite(correlation) and correlation > 0):
        raise InputError(f"boundary_noise: correlation length {correlation}; it must be positive")
    structure = Structure.around(mask, MOST_DEVIATIONS * magnitude)
    distance = structure.signed_distance(MOST_DEVIATIONS * magnitude, face=0.5)
    near = np.nonzero(np.isfinite(distance))
    field = _smooth_field(near, structure, correlation, generator)
    new = structure.inside.copy()
    new[near] = distance[near] <= np.clip(field, -MOST_DEVIATIONS, MOST_DEVIATIONS) * magnitude
    moved = surface_move(structure.inside, new, structure.spacing, power=2)
    put, clipped = structure.put(new)
    return MaskOutcome(put, moved, clipped)


def _smooth_field(
    where: tuple[NDArray[np.int64], ...],
    structure: Structure,
    correlation: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Gaussian noise of unit variance at voxels, whatever the spacing it is sampled with."""
    scale = np.array(structure.spacing) * PER_LENGTH / correlation
    nodes = np.ceil(np.array(structure.inside.shape) * scale).astype(int) + 4
    noise = generator.standard_normal(tuple(nodes))
    for axis in range(noise.ndim):
        noise = gaussian_filter1d(noise, SIGMA, axis, mode="wrap") * _gain()
    at = [index * step + 1.5 for index, step in zip(where, scale, strict=True)]
    return np.asarray(map_coordinates(noise, at, order=1, mode="grid-wrap"))


def _gain() -> float:
    """What brings the variance of filtered white noise back to 1, along one axis."""
    pulse = np.zeros(33)
    pulse[16] = 1.0
    weights = gaussian_filter1d(pulse, SIGMA)
    return float(1 / np.sqrt(np.square(weights).sum()))
