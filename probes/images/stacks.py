"""Stacks: files of images as one tensor, and an even choice of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from probes.images.settings import DataSettings
from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, open_labels, preflight


def evenly_by_class(classes: NDArray[np.generic], limit: int | None) -> list[int]:
    """Choose at most ``limit`` images, spread evenly over those of each class.

    Parameters
    ----------
    classes
        ``(N,)``.
    limit
        How many; all of them if None.

    Examples
    --------
    >>> evenly_by_class(np.array([0, 0, 0, 0, 1, 1]), 3)
    [0, 2, 4]
    """
    if limit is None or limit >= len(classes):
        return list(range(len(classes)))
    order = np.argsort(classes, kind="stable")
    places = np.arange(limit) * len(order) // limit
    return sorted(int(n) for n in order[places])


def stack_images(images: Sequence[Sequence[Path]], settings: DataSettings) -> Tensor:
    """Read images whose bands are in one file or in several.

    Parameters
    ----------
    images
        The files of each.
    settings
        Of the data set: images of several sizes are brought to its size.

    Returns
    -------
    Tensor
        ``(N, C, *spatial)``, rows before columns.

    Raises
    ------
    InputError
        If they differ in size, where the data set has none, or in the number of bands.
    """
    found = [_one(paths) for paths in images]
    first = found[0].shape
    for paths, image in zip(images, found, strict=True):
        if image.shape != first and settings.size is None:
            raise InputError(
                f"{paths[0].name}: has {_size(image)}, the first image {_size(found[0])}; give the "
                "data set a size"
            )
        if len(image) != first[0]:
            raise InputError(
                f"{paths[0].name}: has {len(image)} bands, the first image {first[0]}; images of "
                "one data set have the same bands"
            )
    if settings.size is not None:
        found = [_square(image, settings.size) for image in found]
    return torch.stack(found)


def stack_label_maps(paths: Sequence[Path], settings: DataSettings) -> Tensor:
    """Read label maps, one a file, nearest where they are brought to the size of the data set.

    Parameters
    ----------
    paths, settings
        As in :func:`stack_images`.

    Returns
    -------
    Tensor
        ``(N, 1, *spatial)``, whole numbers.

    Raises
    ------
    InputError
        If a file holds no labels, or they differ in size.
    """
    found = [open_labels(preflight(path)).data.movedim(1, -1).long() for path in paths]
    if settings.size is not None:
        shape = (settings.size,) * (found[0].ndim - 1)
        found = [
            interpolate(each[None].double(), shape, mode="nearest-exact")[0].long()
            for each in found
        ]  # fmt: skip
    for path, each in zip(paths, found, strict=True):
        if each.shape != found[0].shape:
            raise InputError(
                f"{path.name}: has {_size(each)}, the first label map {_size(found[0])}; give the "
                "data set a size"
            )
    return torch.stack(found)


def _one(paths: Sequence[Path]) -> Tensor:
    """Bands ``(C, rows, columns)`` of one file or of several."""
    bands = [open_image(preflight(path, ReadOptions(channels="all"))).data for path in paths]
    # Volumes count columns first, networks rows.
    bands = [band.movedim(1, -1) for band in bands]
    largest = max((tuple(band.shape[1:]) for band in bands), key=min)
    return torch.cat([b if b.shape[1:] == largest else _resized(b, largest) for b in bands])


def _square(image: Tensor, size: int) -> Tensor:
    """The whole image at so many pixels a side, as the reference shows it to networks."""
    shape = (size,) * (image.ndim - 1)
    return _resized(image, shape) if tuple(image.shape[1:]) != shape else image


def _resized(image: Tensor, shape: tuple[int, ...]) -> Tensor:
    return interpolate(
        image[None].float(), shape, mode="bilinear", antialias=True, align_corners=False
    )[0]


def _size(image: Tensor) -> str:
    return "x".join(map(str, image.shape[1:]))
