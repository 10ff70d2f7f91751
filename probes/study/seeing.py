"""How an image is shown to a source of features: in [0, 1], on a grid of the wanted shape."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from regkit.errors import InputError
from regkit.preprocess.intensity import normalise
from regkit.resample import resample
from regkit.volume import Labels, Volume


def rescale_intensity(image: Volume) -> Volume:
    """Bring an image of one channel to [0, 1] by its own quantiles, whatever grid it is shown on.

    Masks and shapes, of two values, are kept as they are but for their scale.

    Raises
    ------
    InputError
        If it has several channels, or no contrast.
    """
    if image.channels != 1:
        raise InputError(f"{image.name}: has {image.channels} channels; a probe takes one")
    low, high = (float(each) for each in torch.aminmax(image.data.float()))
    if not high > low:
        raise InputError(f"{image.name}: all voxels are {low:g}; an image with contrast is needed")
    if len(torch.unique(image.data.flatten()[:100_000])) <= 2:
        return image.with_data((image.data.float() - low) / (high - low))
    return normalise(image)


def resample_to_shape(
    image: Volume, labels: Labels | None, shape: Sequence[int] | None
) -> tuple[Volume, Labels | None]:
    """Put an image and its structures on a grid of ``shape`` over the same field of view.

    Parameters
    ----------
    image
        ``(1, *spatial)``.
    labels
        On its grid.
    shape
        Voxels an axis, after the axes are stored as RAS; None to keep the grid.
    """
    if shape is None:
        return image, labels
    known = image.grid.world.anatomical
    whole = image.grid.reoriented("RAS"[: image.ndim]) if known else image.grid
    grid = whole.with_shape(tuple(shape))
    return resample(image, grid), None if labels is None else resample(labels, grid)
