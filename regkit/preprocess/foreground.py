"""Where the body is, and how large."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from regkit.resample import resample
from regkit.volume.volume import Labels, Volume

REFERENCE = 160.0  # millimetres across a human brain in a skull-stripped image
_ACROSS = 64  # voxels along the longest side of the field of view; 3 to 4 mm for a head
_DILATION = 5.0


def foreground(image: Volume) -> Labels:
    """The body in a normalised image, filled and grown a little, on the image's own grid.

    Otsu's threshold, halved so that dark tissue stays, on 64 voxels along the field of view; then
    every component that holds a tenth of the largest one or more. It is grown by 5 of what
    :func:`unit_length` gives. An image without an empty margin is foreground altogether.
    """
    body = _body(image)
    reach = _DILATION * _unit(body)
    far = ndimage.distance_transform_edt(body.data[0].numpy() == 0, sampling=body.grid.spacing)
    near = torch.from_numpy((far <= reach).astype(np.uint8))
    return resample(Labels(near, body.grid), image.grid)


def unit_length(image: Volume) -> float:
    """The world length that stands for a millimetre in settings: the body has 160 of them across.

    Engines count in it, so that they treat a mouse, a man and a continent alike. Across means the
    diameter of a ball (of a disc in 2-D) whose voxels lie as far from its centre as those of the
    body, as root mean square: the same however the body is turned, and hardly changed by a speck.

    Parameters
    ----------
    image
        Normalised, in any world.
    """
    return _unit(_body(image))


def _unit(body: Labels) -> float:
    """See :func:`unit_length`.

    Counted in voxels to three digits, it is the same multiple of a spacing in every unit: the last
    bits of a header would make other iterations of every engine.
    """
    real = [axis for axis, n in enumerate(body.grid.shape) if n > 1]
    finest = min(body.grid.spacing[axis] for axis in real)
    shares = torch.tensor([body.grid.spacing[axis] / finest for axis in real], dtype=torch.float64)
    index = torch.nonzero(body.data[0])[:, real].double()
    square = float((shares.square() * (index.var(dim=0, correction=0) + 1 / 12)).sum())
    across = 2 * math.sqrt((len(real) + 2) / len(real) * square)
    return float(f"{across / REFERENCE:.3g}") * finest


def _body(image: Volume) -> Labels:
    """The body on a coarse grid."""
    axes = zip(image.grid.spacing, image.grid.shape, strict=True)
    coarse = max(s * n for s, n in axes if n > 1) / _ACROSS
    small = resample(image, image.grid.with_spacing(np.maximum(image.grid.spacing, coarse)))
    values = small.data[0].numpy()
    body = _substantial(_filled(values > otsu(values) / 2))
    return Labels(torch.from_numpy(body.astype(np.uint8)), small.grid)


def otsu(values: np.ndarray, bins: int = 256) -> float:
    """The threshold that parts two classes best (Otsu, IEEE Trans. SMC 1979)."""
    counts, edges = np.histogram(values, bins=bins)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    first = np.cumsum(counts * centres)
    mean_below = first / np.maximum(below, 1)
    mean_above = (first[-1] - first) / np.maximum(above, 1)
    return float(centres[np.argmax(below * above * (mean_below - mean_above) ** 2)])


def _filled(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without holes; those of a single slice are holes of the plane, open though it is in 3-D."""
    out: NDArray[np.bool_] = ndimage.binary_fill_holes(body.squeeze())
    return out.reshape(body.shape)


def _substantial(body: np.ndarray) -> np.ndarray:
    """Components that hold at least a tenth of the largest one: two lungs, two legs."""
    labelled, count = ndimage.label(body)
    if count <= 1:
        return body if count else np.ones_like(body)
    sizes = np.bincount(labelled.ravel())
    sizes[0] = 0
    return np.isin(labelled, np.flatnonzero(sizes >= sizes.max() / 10))


def bounding_window(mask: Tensor) -> tuple[list[int], list[int]]:
    """First index and shape of the smallest window that holds ``mask (*spatial)``."""
    start, shape = [], []
    for axis in range(mask.ndim):
        others = tuple(a for a in range(mask.ndim) if a != axis)
        hit = torch.nonzero(mask.amax(dim=others) if others else mask).flatten()
        start.append(int(hit[0]))
        shape.append(int(hit[-1] - hit[0]) + 1)
    return start, shape
