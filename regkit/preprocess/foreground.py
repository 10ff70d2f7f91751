"""Find where the body is, and how large."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.kernels.components import components
from regkit.kernels.distance import distance_to
from regkit.resample import resample
from regkit.volume.volume import Labels, Volume

REFERENCE = 160.0  # millimetres across a human brain in a skull-stripped image
_ACROSS = 64  # voxels along the longest side of the field of view, for a first look
_COARSE, _DILATION = 4.0, 5.0
_ENOUGH = 134  # voxels along the mean side of a body, from which on only its size counts
_LEAST = 0.256  # voxels; a millimetre of a chest in voxels of 3.9 mm


def foreground(image: Volume, unit: float | None = None) -> Labels:
    """Find the body in a normalised image, filled and grown a little, on the image's own grid.

    Otsu's threshold, halved so that dark tissue stays, on the image in voxels of 4 of what
    :func:`unit_length` gives; then every component that holds a tenth of the largest one or more,
    grown by 5 of it. An image without an empty margin is foreground altogether. ``unit`` is that
    length, where it is known already.
    """
    unit = unit_length(image) if unit is None else unit
    body = _body(image, _COARSE * unit)
    far = distance_to(body.data[0].numpy() != 0, body.grid.spacing, limit=_DILATION * unit)
    near = torch.from_numpy(np.isfinite(far).astype(np.uint8))
    return resample(Labels(near, body.grid), image.grid)


def unit_length(image: Volume) -> float:
    """Return the world length of one unit of settings: the body has 160 of them across.

    Engines count in it, so that they treat a mouse, a man and a continent alike. Where the body
    has few voxels there is time for finer levels and smaller steps, which a chest at 4 mm needs:
    below 134 a side the unit shrinks, as their number in all does, down to a quarter of a voxel.

    Parameters
    ----------
    image
        Normalised, in any world.
    """
    real = [axis for axis, n in enumerate(image.grid.shape) if n > 1]
    view = max(image.grid.spacing[axis] * image.grid.shape[axis] for axis in real)
    body = _body(image, view / _ACROSS)
    _, shape = bounding_window(body.data[0])
    voxel = _mean([image.grid.spacing[axis] for axis in real])
    side = _mean([shape[axis] * body.grid.spacing[axis] for axis in real]) / voxel
    unit = min(1.0, (side / _ENOUGH) ** 3) * _across(body) / REFERENCE
    # Three digits of a share of the voxels are the same in every unit; the last bits are not.
    return float(f"{max(unit / voxel, _LEAST):.3g}") * voxel


def _mean(values: Sequence[float]) -> float:
    return math.prod(values) ** (1 / len(values))


def _across(body: Labels) -> float:
    """Return the diameter of a ball (of a disc in 2-D) whose voxels lie as far from its centre.

    As root mean square: the same however the body is turned, and hardly changed by a speck.
    """
    real = [axis for axis, n in enumerate(body.grid.shape) if n > 1]
    spacing = np.array([body.grid.spacing[axis] for axis in real])
    index = np.argwhere(body.data[0].numpy())[:, real]
    square = float((spacing**2 * (index.var(axis=0) + 1 / 12)).sum())
    return 2 * math.sqrt((len(real) + 2) / len(real) * square)


def _body(image: Volume, coarse: float) -> Labels:
    """Find the body in voxels of at least ``coarse``."""
    small = resample(image, image.grid.with_spacing(np.maximum(image.grid.spacing, coarse)))
    values = small.data[0].numpy()
    if small.valid is None:
        body = values > otsu(values) / 2
    else:  # voxels without data are neither body nor background
        known = small.valid.numpy()
        body = known & (values > otsu(values[known]) / 2) if known.any() else known
    body = _substantial(_filled(body))
    return Labels(torch.from_numpy(body.astype(np.uint8)), small.grid)


def otsu(values: np.ndarray, bins: int = 256) -> float:
    """Return the threshold that parts two classes best (Otsu, IEEE Trans. SMC 1979).

    ``values`` have any shape.
    """
    counts, edges = np.histogram(values, bins=bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    first = np.cumsum(counts * centres)
    mean_below = first / np.maximum(below, 1)
    mean_above = (first[-1] - first) / np.maximum(above, 1)
    apart = below * above * (mean_below - mean_above) ** 2
    return float(centres[apart == apart.max()].mean())  # between classes with nothing between them


def _filled(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes; those of a single slice are holes of the plane, open though it is in 3-D."""
    parts, count = components(~body)
    hole = np.ones(count + 1, bool)
    for axis, n in enumerate(body.shape):
        if n > 1:
            hole[np.take(parts, (0, -1), axis)] = False
    hole[0] = True  # the body itself
    return np.asarray(hole[parts])


def _substantial(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep components that hold at least a tenth of the largest one: two lungs, two legs."""
    parts, count = components(body)
    if count <= 1:
        return body if count else np.ones_like(body)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= sizes.max() / 10)[parts])


def bounding_window(mask: Tensor) -> tuple[list[int], list[int]]:
    """Return first index and shape of the smallest window that holds ``mask (*spatial)``."""
    # NumPy looks at booleans many times as fast as PyTorch.
    inside, start, shape = mask.cpu().numpy() != 0, [], []
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        hit = np.flatnonzero(inside.any(axis=others))
        start.append(int(hit[0]))
        shape.append(int(hit[-1] - hit[0]) + 1)
    return start, shape
