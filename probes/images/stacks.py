"""Stacks: files of images as one tensor, and an even choice of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.images.settings import DataSettings
from probes.images.sizes import resize_image, resize_labels
from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, open_labels, preflight
from regkit.io.header import Header
from regkit.volume import Volume


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


def stack_images(
    images: Sequence[Sequence[Path]], settings: DataSettings
) -> tuple[Tensor, Tensor | None]:
    """Read images whose bands are in one file or in several.

    Parameters
    ----------
    images
        The files of each.
    settings
        Of the data set: its bands of each file, the value of pixels without data, and the size that
        images of several sizes are brought to.

    Returns
    -------
    images, valid
        ``(N, C, *spatial)``, rows before columns; and where all bands have data by what files say
        of themselves (nodata, alpha masks) and by that value, ``(N, 1, *spatial)``; None for
        everywhere.

    Raises
    ------
    InputError
        If they differ in size, where the data set has none, or in the number of bands.
    """
    found = [_one(paths, settings) for paths in images]
    first = found[0][0].shape
    for paths, (image, _) in zip(images, found, strict=True):
        if image.shape[1:] != first[1:] and settings.size is None:
            raise InputError(
                f"{paths[0].name}: has {_size(image)}, the first image {_size(found[0][0])}; give "
                "the data set a size"
            )
        if len(image) != first[0]:
            raise InputError(
                f"{paths[0].name}: has {len(image)} bands, the first image {first[0]}; images of "
                "one data set have the same bands"
            )
    if settings.size is not None:
        shape = (settings.size,) * (len(first) - 1)
        found = [resize_image(*each, shape) for each in found]
    return torch.stack([image for image, _ in found]), _stacked([known for _, known in found])


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
        found = [resize_labels(each, shape) for each in found]
    for path, each in zip(paths, found, strict=True):
        if each.shape != found[0].shape:
            raise InputError(
                f"{path.name}: has {_size(each)}, the first label map {_size(found[0])}; give the "
                "data set a size"
            )
    return torch.stack(found)


def _one(paths: Sequence[Path], settings: DataSettings) -> tuple[Tensor, Tensor | None]:
    """Bands ``(C, rows, columns)`` of one file or of several, and where all of them have data."""
    images = [_bands(path, settings) for path in paths]
    # Volumes count columns first, networks rows.
    bands = [image.data.movedim(1, -1) for image in images]
    known = [None if i.valid is None else i.valid[None].movedim(1, -1) for i in images]
    largest = max((tuple(band.shape[1:]) for band in bands), key=min)
    found = [resize_image(*each, largest) for each in zip(bands, known, strict=True)]
    parts = [each for _, each in found if each is not None]
    return torch.cat([band for band, _ in found]), torch.stack(parts).all(0) if parts else None


def _bands(path: Path, settings: DataSettings) -> Volume:
    """A file with the bands that are asked for; those of BigEarthNet are files of their own."""
    missing = settings.missing
    if missing == "nan":
        options = ReadOptions(channels="all", nan=0.0)
    else:
        options = ReadOptions(channels="all", padding=missing)
    if settings.bands is not None and settings.kind != "bigearthnet":
        chosen = _numbers(preflight(path, options), settings.bands)
        options = replace(options, channels=chosen)
    return open_image(preflight(path, options))


def _numbers(header: Header, bands: Sequence[int | str]) -> tuple[int, ...]:
    """The places from 0 of bands that are named, or numbered from 1."""
    names = [name.casefold() for name in header.channel_names]
    known = {name: n for n, name in enumerate(names) if name} | {
        n + 1: n for n in range(header.channels)
    }
    wanted = [band.casefold() if isinstance(band, str) else band for band in bands]
    for band, key in zip(bands, wanted, strict=True):
        if key not in known:
            named = ", ".join(filter(None, header.channel_names))
            raise InputError(
                f"{header.name}: has no band {band!r}; its bands are 1 to {header.channels}"
                + (f", or {named}" if named else "")
            )
    return tuple(known[key] for key in wanted)


def _stacked(known: Sequence[Tensor | None]) -> Tensor | None:
    shape = next((each.shape for each in known if each is not None), None)
    if shape is None:
        return None
    return torch.stack([torch.ones(shape, dtype=torch.bool) if k is None else k for k in known])


def _size(image: Tensor) -> str:
    return "x".join(map(str, image.shape[1:]))
