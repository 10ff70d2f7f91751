"""Sizes: images, where they have data, and label maps, brought to one size."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from probes.images.samples import ImageSamples

_HALF = 0.5  # of what a pixel is made of must have data


def resize_image(
    image: Tensor, known: Tensor | None, shape: tuple[int, ...]
) -> tuple[Tensor, Tensor | None]:
    """Bring a whole image to a size; what has no data is mixed into no pixel.

    Parameters
    ----------
    image
        ``(C, *spatial)``.
    known
        ``(1, *spatial)``: where it has data; everywhere if None.
    shape
        The new size; images of that size stay as they are.

    Returns
    -------
    image, known
        A pixel has data where half of what it is made of has.

    Examples
    --------
    >>> image = torch.tensor([[[5.0, 5, -9999, -9999], [5, 5, -9999, -9999]]])
    >>> smaller, known = resize_image(image, image > 0, (1, 2))
    >>> smaller[known].tolist(), known.tolist()
    ([5.0], [[[True, False]]])
    """
    if tuple(image.shape[1:]) == shape:
        return image, known
    if known is None:
        return _resized(image, shape), None
    share = _resized(known, shape)
    mixed = _resized(image.where(known, 0), shape) / share.clamp_min(1e-6)
    return mixed, share >= _HALF


def resize_labels(labels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Bring a label map ``(1, *spatial)`` to a size: each pixel has the label that lies nearest."""
    return interpolate(labels[None].double(), shape, mode="nearest-exact")[0].long()


def resize_samples(samples: ImageSamples, size: int) -> ImageSamples:
    """Bring every image of a data set to ``size`` voxels a side, with its label map if it has one.

    Parameters
    ----------
    samples
        Any.
    size
        Voxels a side.
    """
    shape = (size,) * (samples.images.ndim - 2)
    if tuple(samples.images.shape[2:]) == shape:
        return samples
    known = [None] * len(samples) if samples.valid is None else list(samples.valid)
    pairs = [resize_image(*each, shape) for each in zip(samples.images, known, strict=True)]
    valid = [each for _, each in pairs if each is not None]
    maps = samples.labels
    if maps is not None:
        maps = torch.stack([resize_labels(each, shape) for each in maps])
    return replace(
        samples, images=torch.stack([image for image, _ in pairs]), labels=maps,
        valid=torch.stack(valid) if valid else None,
    )  # fmt: skip


def _resized(image: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Linear, and smoothed where it becomes smaller; axis by axis, for any number of them.

    The axis comes last: PyTorch 2.13 repeats the first value along it where one voxel follows it.
    """
    found = image.float()
    for axis, size in enumerate(shape, start=1):
        lines = found.movedim(axis, -1)
        plane = lines.reshape(1, 1, -1, lines.shape[-1])
        wanted = (plane.shape[2], size)
        plane = interpolate(plane, wanted, mode="bilinear", antialias=True, align_corners=False)
        found = plane.reshape(*lines.shape[:-1], size).movedim(-1, axis)
    return found
