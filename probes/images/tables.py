"""Tables of images: a CSV with a row for each."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings, TruthKind
from probes.images.stacks import evenly_by_class, stack_images, stack_label_maps
from regkit.errors import InputError


def read_image_table(settings: DataSettings, truth: TruthKind) -> ImageSamples:
    """Read a CSV of images, their truth and subjects; paths count from its own folder.

    Parameters
    ----------
    settings
        The table.
    truth
        A class or several labels, joined by ``;``, in the column label; or the name of a label map
        in the column labels.

    Raises
    ------
    InputError
        If a column or a file is missing.
    """
    column = "labels" if truth == "map" else "label"
    rows = read_table_rows(settings.path, ("image", column))
    classes = np.zeros(len(rows)) if truth == "map" else _classes(rows, truth)
    keep = evenly_by_class(classes, settings.limit)
    rows = [rows[n] for n in keep]
    folder = settings.folder
    images, valid = stack_images([[folder / row["image"]] for row in rows], settings)
    subjects = [row.get("subject") or str(n) for n, row in zip(keep, rows, strict=True)]
    names = [row["image"] for row in rows]
    if truth == "map":
        maps = stack_label_maps([folder / row["labels"] for row in rows], settings)
        return ImageSamples(images, None, names, valid, maps, subjects)
    named = not all(row["label"].isdecimal() for row in rows)
    return ImageSamples(images, classes[keep], names, valid, subjects=subjects, by_name=named)


def _classes(rows: Sequence[Mapping[str, str]], truth: TruthKind) -> NDArray[np.float64]:
    several = truth == "several"
    labels = [row["label"].split(";") if several else [row["label"]] for row in rows]
    return number_classes(labels, several)


def read_table_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read the rows of a CSV whose columns must all be there and filled.

    Raises
    ------
    InputError
        If one is not, by its line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: cannot be read as a table (CSV, UTF-8)") from error
    for column in columns:
        if not rows or column not in rows[0]:
            there = ", ".join(map(str, rows[0])) if rows else "nothing"
            raise InputError(f"{path.name}: has no column {column}; it has {there}")
    for number, row in enumerate(rows, start=2):
        empty = [column for column in columns if not row[column]]
        if empty:
            raise InputError(f"{path.name}: line {number} has no {empty[0]}")
    return rows


def number_classes(labels: Sequence[Sequence[str]], several: bool) -> NDArray[np.float64]:
    """Number the classes, in the order of their names; numbers that are given stay as they are."""
    known = sorted({name for own in labels for name in own})
    if not several and all(name.isdecimal() for name in known):
        return np.array([float(own[0]) for own in labels])
    if not several:
        return np.array([float(known.index(own[0])) for own in labels])
    return np.array([[float(name in own) for name in known] for own in labels])
