"""Masks whose surface is uneven, as that of a hand that trembles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates

from foundation.prompts.perturbations.perturbation import MaskOutcome
from foundation.prompts.perturbations.structure import Flags, Structure
from foundation.prompts.perturbations.surface import surface_move
from regkit.errors import InputError
from regkit.volume import Volume

MOST = 3.5  # standard deviations that the surface may move by
PER_LENGTH = 2.0  # nodes of the random field in one correlation length
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
    structure = Structure.around(mask, MOST * magnitude)
    field = _smooth_field(structure.inside.shape, structure.spacing, correlation, generator)
    limit = np.clip(field, -MOST, MOST) * magnitude
    new = _surface_distance(structure, MOST * magnitude) <= limit
    moved = surface_move(structure.inside, new, structure.spacing, power=2)
    put, clipped = structure.put(new)
    return MaskOutcome(put, moved, clipped)


def _surface_distance(structure: Structure, most: float) -> NDArray[np.float64]:
    """Signed distance of voxel centres from the faces of the structure, exact up to ``most``."""
    outward = _distance_to(structure.inside, structure.spacing, most)
    inward = _distance_to(~structure.inside, structure.spacing, most)
    return outward - inward


def _distance_to(flags: Flags, spacing: Sequence[float], most: float) -> NDArray[np.float64]:
    """Distance of all centres from what the voxels of ``flags`` fill; infinite beyond ``most``."""
    squares = np.where(flags, 0.0, np.inf)
    for axis, step in enumerate(spacing):
        rows = np.moveaxis(squares, axis, 0)
        nearest = rows.copy()
        for n in range(1, min(int(most / step + 1.5), len(rows) - 1) + 1):
            gap = ((n - 0.5) * step) ** 2
            np.minimum(nearest[n:], rows[:-n] + gap, out=nearest[n:])
            np.minimum(nearest[:-n], rows[n:] + gap, out=nearest[:-n])
        squares = np.moveaxis(nearest, 0, axis)
    return np.asarray(np.sqrt(squares))


def _smooth_field(
    shape: Sequence[int],
    spacing: Sequence[float],
    correlation: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Gaussian noise of unit variance that does not depend on how finely it is sampled."""
    scale = np.array(spacing) * PER_LENGTH / correlation
    nodes = np.ceil(np.array(shape) * scale).astype(int) + 4
    noise = generator.standard_normal(tuple(nodes))
    for axis in range(noise.ndim):
        noise = gaussian_filter1d(noise, SIGMA, axis, mode="wrap") * _gain()
    where = np.meshgrid(
        *(np.arange(n) * s + 1.5 for n, s in zip(shape, scale, strict=True)), indexing="ij"
    )
    return np.asarray(map_coordinates(noise, where, order=2, mode="grid-wrap"))


def _gain() -> float:
    """What brings the variance of filtered white noise back to 1, along one axis."""
    pulse = np.zeros(33)
    pulse[16] = 1.0
    weights = gaussian_filter1d(pulse, SIGMA)
    return float(1 / np.sqrt(np.square(weights).sum()))
