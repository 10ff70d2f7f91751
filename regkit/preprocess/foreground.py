"""Where the body is."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from regkit.resample import resample
from regkit.volume.volume import Labels, Volume

_COARSE_MM = 4.0
_DILATION_MM = 5.0


def foreground(image: Volume) -> Labels:
    """The body in a normalised image, filled and grown by 5 mm, on the image's own grid.

    Otsu's threshold, halved so that dark tissue stays, on the image at 4 mm; then every
    component that holds a tenth of the largest one or more. An image without an empty margin is
    foreground altogether.
    """
    spacing = np.maximum(image.grid.spacing, _coarse(image))
    small = resample(image, image.grid.with_spacing(spacing))
    values = small.data[0].numpy()
    body = _substantial(_filled(values > otsu(values) / 2))
    reach = _DILATION_MM * _coarse(image) / _COARSE_MM
    near = ndimage.distance_transform_edt(~body, sampling=small.grid.spacing) <= reach
    return resample(Labels(torch.from_numpy(near.astype(np.uint8)), small.grid), image.grid)


def _coarse(image: Volume) -> float:
    """4 mm for a human; a 40th of the field of view for anything much smaller or larger."""
    extent = float(np.max(np.array(image.grid.shape) * np.array(image.grid.spacing)))
    return _COARSE_MM if 80 < extent < 2000 else extent / 40


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
