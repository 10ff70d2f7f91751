"""The archives of MedMNIST: small images with a label and a split, and nobody's name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from probes.table.columns import TableColumns
from probes.table.rows import ImagePlace, ProbeRow, ProbeTable
from regkit.errors import InputError

_PARTS = {"train": "train", "val": "train", "test": "test"}


def read_medmnist(path: Path, columns: TableColumns) -> ProbeTable:
    """Read ``train_images``, ``train_labels`` and so on of an ``.npz`` of MedMNIST.

    The archives do not say whose an image is, so that every image counts as a subject of its own.
    The values of a row are ``label``, ``part``, and ``split``, in which the validation part is
    training.

    Parameters
    ----------
    path
        The ``.npz``.
    columns
        Not used.

    Raises
    ------
    InputError
        If it is no such archive.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {part: archive[f"{part}_labels"] for part in _PARTS}
            counts = {part: len(archive[f"{part}_images"]) for part in _PARTS}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name}: is no archive of MedMNIST: {error!s:.100}") from error
    for part, labels in found.items():
        if labels.ndim != 2 or labels.shape != (counts[part], 1):
            raise InputError(
                f"{path.name}: {part}_labels is {labels.shape} for {counts[part]} images; allowed: "
                "one label an image"
            )
    labels_of = {part: labels[:, 0].tolist() for part, labels in found.items()}
    rows = tuple(_rows(path, labels_of))
    return ProbeTable(path, (path,), rows, ("label", "part", "split"), "image")


def _rows(path: Path, labels: dict[str, list[int]]) -> Iterator[ProbeRow]:
    line = 0
    for part, values in labels.items():
        for n, value in enumerate(values):
            line += 1
            known = {"label": value, "part": part, "split": _PARTS[part]}
            yield ProbeRow(line, f"{part}-{n}", ImagePlace(path, f"{part}_images", n), values=known)
