"""ImagePairs: fixed and moving images with their labels, for registrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from probes.images.samples import SEEN, ImageSamples
from probes.images.settings import DataSettings
from probes.images.stacks import evenly_by_class
from probes.images.tables import read_table_rows
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io import ReadOptions, open_image, open_labels, preflight
from regkit.volume import Labels, Volume

_COLUMNS = ("fixed", "moving", "fixed_labels", "moving_labels")


@dataclass(frozen=True, eq=False, kw_only=True)
class ImagePairs(ImageSamples):
    """Fixed images ``(N, C, i, j[, k])`` with their labels, and the moving ones.

    Parameters
    ----------
    moving
        Of each fixed image, of the same size.
    grids
        Of each pair: that of fixed and that of moving.
    """

    moving: ImageSamples
    grids: Sequence[tuple[Grid, Grid]]


@dataclass(frozen=True, eq=False)
class _Pair:
    """One row, as it was read."""

    name: str
    subject: str
    images: tuple[Volume, Volume]
    labels: tuple[Labels, Labels]


def read_pairs(settings: DataSettings) -> ImagePairs:
    """Read a CSV of pairs with their labels; paths count from its own folder.

    Parameters
    ----------
    settings
        The table, with the columns fixed, moving, fixed_labels, moving_labels and, if wanted,
        subject.

    Raises
    ------
    InputError
        If it is no table, a file cannot be read, images differ in size or in the number of bands,
        labels lie on another grid, most of an image has no data, or fixed labels have no structure.
    """
    if settings.kind != "table":
        raise InputError(
            f"{settings.name}: pairs of images are a table with the columns {', '.join(_COLUMNS)}; "
            f"{settings.kind} has none"
        )
    if settings.bands or settings.size or settings.missing is not None:
        raise InputError(
            f"{settings.name}: bands, size and missing say nothing of pairs, which have grids; "
            "leave them out"
        )
    rows = read_table_rows(settings.path, _COLUMNS)
    keep = evenly_by_class(np.zeros(len(rows)), settings.limit)
    pairs = [_read(settings, rows[n], n) for n in keep]
    _check_sizes(settings, pairs)
    sides = [
        ImageSamples(
            torch.stack([pair.images[side].data.float() for pair in pairs]), None,
            [pair.name for pair in pairs], valid=_valid([pair.images[side] for pair in pairs]),
            labels=torch.stack([pair.labels[side].data.long() for pair in pairs]),
            subjects=[pair.subject for pair in pairs],
        )
        for side in (0, 1)
    ]  # fmt: skip
    fixed, moving = sides
    return ImagePairs(
        fixed.images, None, fixed.names, fixed.valid, fixed.labels, fixed.subjects, moving=moving,
        grids=[(pair.images[0].grid, pair.images[1].grid) for pair in pairs],
    )  # fmt: skip


def _read(settings: DataSettings, row: Mapping[str, str], number: int) -> _Pair:
    paths = [settings.folder / row[column] for column in _COLUMNS]
    images = [open_image(preflight(path, ReadOptions(channels="all"))) for path in paths[:2]]
    labels = [open_labels(preflight(path)) for path in paths[2:]]
    for image, own, path in zip(images, labels, paths[2:], strict=True):
        if not own.grid.lies_on(image.grid):
            raise InputError(f"{path.name}: lies on another grid than {image.name}; resample it")
    for image in images:
        if image.valid is not None and float(image.valid.float().mean()) < SEEN:
            raise InputError(f"{image.name}: less than half has data; leave out the pair")
    if not bool((labels[0].data > 0).any()):
        raise InputError(f"{paths[2].name}: has no structure; leave out the pair")
    name = f"{row['fixed']} and {row['moving']}"
    subject = row.get("subject") or str(number)
    return _Pair(name, subject, (images[0], images[1]), (labels[0], labels[1]))


def _check_sizes(settings: DataSettings, pairs: Sequence[_Pair]) -> None:
    first = pairs[0].images[0].data
    for image in (image for pair in pairs for image in pair.images):
        if image.data.shape != first.shape:
            raise InputError(
                f"{settings.name}: {image.name} has bands and size {tuple(image.data.shape)}, "
                f"{pairs[0].images[0].name} {tuple(first.shape)}; the same is done to both images "
                "of a pair, so all must have the same: crop or resample them"
            )


def _valid(images: Sequence[Volume]) -> Tensor | None:
    """Where images have data, ``(N, 1, *spatial)``; None if all have them everywhere."""
    if all(image.valid is None for image in images):
        return None
    everywhere = torch.ones(images[0].grid.shape, dtype=torch.bool)
    return torch.stack([everywhere if i.valid is None else i.valid for i in images])[:, None]
