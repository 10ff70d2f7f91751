"""The structures of label maps that a network is taught to find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from foundation.segmenters.prompt_unet.crop import mask_box
from regkit.errors import InputError
from regkit.io import read, read_labels
from regkit.training.table import SourceRow
from regkit.volume import Labels, Volume

_LEAST_VOXELS = 60
_APART = 0.8  # a label of which no component has so large a share is a structure a component


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image, and masks of its structures ``(1, i, j, k)``, each on a window of the image."""

    image: Volume
    masks: tuple[Volume, ...]
    subject: str


def read_example(row: SourceRow) -> LabelledImage:
    """Read an image of a table, and the structures of its labels.

    Raises
    ------
    InputError
        If the labels lie on another grid, or the image has several channels.
    """
    image = read(row.image).load()
    if image.channels != 1 or image.ndim != 3:
        raise InputError(f"{image.name}: has to have one channel in 3-D; take it out of the table")
    if row.labels is None:
        return LabelledImage(image, (), row.subject)
    labels = read_labels(row.labels).load()
    if not labels.grid.lies_on(image.grid):
        raise InputError(f"{labels.name}: lies on another grid than {image.name}; resample it")
    return LabelledImage(image, tuple(label_structures(labels)), row.subject)


def label_structures(labels: Labels) -> Iterator[Volume]:
    """Cut the structures out of a label map ``(1, i, j, k)``.

    These are each of its labels, or its parts where they lie apart, and all labels together.
    Those of fewer than 60 voxels are left out.
    """
    values = labels.data[0].numpy()
    for value in labels.values:
        yield from (_window(labels, part) for part in _parts(values == value))
    if len(labels.values) > 1:
        yield _window(labels, values > 0)


def _parts(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    numbers, _ = ndimage.label(mask)
    sizes = np.bincount(numbers.ravel())[1:]
    large = [n for n, size in enumerate(sizes, 1) if size >= _LEAST_VOXELS]
    if mask.sum() < _LEAST_VOXELS:
        return []
    if sizes.max() >= _APART * sizes.sum():
        return [mask]
    return [numbers == n for n in large]


def _window(labels: Labels, mask: NDArray[np.bool_]) -> Volume:
    index = np.argwhere(mask)
    low, high = index.min(axis=0) - 1, index.max(axis=0) + 2
    whole = Volume(torch.from_numpy(mask.astype(np.uint8)), labels.grid, labels.name)
    return whole.window(low.tolist(), (high - low).tolist())


def longest_side(mask: Volume) -> float:
    """Return the longest side, in world units, of the box around a mask ``(1, i, j, k)``."""
    return max(mask_box(mask).size)
