"""Images in files of their own: folders of classes, tables, and BigEarthNet."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings
from regkit.errors import InputError
from regkit.io import ReadOptions, open_image, preflight

_LABELS = "_labels_metadata.json"
_PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}


def read_folders(settings: DataSettings) -> ImageSamples:
    """Read a folder of folders, one a class in the order of their names.

    Parameters
    ----------
    settings
        The folder.

    Raises
    ------
    InputError
        If there are less than two classes, or images of several sizes.
    """
    folders = sorted(each for each in _folder(settings.path).iterdir() if each.is_dir())
    files = [[f for f in sorted(d.iterdir()) if f.suffix.lower() in _PICTURES] for d in folders]
    classes = [own for own in files if own]
    if len(classes) < 2:
        raise InputError(
            f"{settings.path.name}: {len(classes)} of its folders hold pictures "
            f"({', '.join(sorted(_PICTURES))}); a data set has a folder for each class, two at "
            "least"
        )
    truth = np.repeat(np.arange(len(classes), dtype=np.float64), [len(own) for own in classes])
    paths = [path for own in classes for path in own]
    keep = evenly(truth, settings.limit)
    paths = [paths[n] for n in keep]
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    return ImageSamples(_stacked([[path] for path in paths], settings), truth[keep], names)


def read_image_table(settings: DataSettings, several: bool) -> ImageSamples:
    """Read a CSV of images, labels and subjects; paths count from its own folder.

    Parameters
    ----------
    settings
        The table.
    several
        Whether an image has several labels, joined by ``;``.

    Raises
    ------
    InputError
        If a column or a file is missing.
    """
    rows = _rows(settings.path)
    labels = [row["label"].split(";") if several else [row["label"]] for row in rows]
    truth = _numbered(labels, several)
    keep = evenly(truth if truth.ndim == 1 else truth.argmax(1), settings.limit)
    paths = [[settings.path.parent / rows[n]["image"]] for n in keep]
    subjects = [rows[n].get("subject") or str(n) for n in keep]
    names = [rows[n]["image"] for n in keep]
    return ImageSamples(_stacked(paths, settings), truth[keep], names, subjects=subjects)


def read_bigearthnet(settings: DataSettings) -> ImageSamples:
    """Read patches of BigEarthNet: a folder each, with a GeoTIFF a band and the labels as JSON.

    Bands are brought to the size of the largest one.

    Parameters
    ----------
    settings
        The folder of patches.

    Raises
    ------
    InputError
        If there is no patch, or a band or its labels are missing.
    """
    patches = sorted(each for each in _folder(settings.path).iterdir() if each.is_dir())
    if not patches:
        raise InputError(f"{settings.path.name}: has no folder of a patch")
    found = [_patch_labels(patch) for patch in patches]
    truth = _numbered(found, several=True)
    keep = evenly(truth.argmax(1), settings.limit)
    paths = [_band_files(patches[n], settings) for n in keep]
    names = [patches[n].name for n in keep]
    return ImageSamples(_stacked(paths, settings), truth[keep], names)


def evenly(classes: NDArray[np.generic], limit: int | None) -> list[int]:
    """Choose at most ``limit`` images, spread evenly over those of each class.

    Parameters
    ----------
    classes
        ``(N,)``.
    limit
        How many; all of them if None.

    Examples
    --------
    >>> evenly(np.array([0, 0, 0, 0, 1, 1]), 3)
    [0, 2, 4]
    """
    if limit is None or limit >= len(classes):
        return list(range(len(classes)))
    order = np.argsort(classes, kind="stable")
    places = np.arange(limit) * len(order) // limit
    return sorted(int(n) for n in order[places])


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InputError(f"{path.name}: is no folder; name the one that holds the data set")
    return path


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: cannot be read as a table (CSV, UTF-8)") from error
    for column in ("image", "label"):
        if not rows or column not in rows[0]:
            there = ", ".join(map(str, rows[0])) if rows else "nothing"
            raise InputError(f"{path.name}: has no column {column}; it has {there}")
    for number, row in enumerate(rows, start=2):
        if not row["image"] or not row["label"]:
            raise InputError(f"{path.name}: line {number} has no image or no label")
    return rows


def _numbered(labels: Sequence[Sequence[str]], several: bool) -> NDArray[np.float64]:
    """Numbers of classes, in the order of their names; numbers that are given stay as they are."""
    known = sorted({name for own in labels for name in own})
    if not several and all(name.isdecimal() for name in known):
        return np.array([float(own[0]) for own in labels])
    if not several:
        return np.array([float(known.index(own[0])) for own in labels])
    return np.array([[float(name in own) for name in known] for own in labels])


def _patch_labels(patch: Path) -> list[str]:
    path = patch / f"{patch.name}{_LABELS}"
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{patch.name}: has no {path.name} with labels, as patches of BigEarthNet have"
        ) from error
    return [str(label) for label in labels]


def _band_files(patch: Path, settings: DataSettings) -> list[Path]:
    files = {path.stem.rpartition("_")[2]: path for path in sorted(patch.glob("*.tif"))}
    wanted = settings.bands or tuple(files)
    for band in wanted:
        if band not in files:
            raise InputError(
                f"{patch.name}: has no band {band!r}; its bands are {', '.join(files)}"
            )
    return [files[str(band)] for band in wanted]


def _stacked(images: Sequence[Sequence[Path]], settings: DataSettings) -> Tensor:
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


def _one(paths: Sequence[Path]) -> Tensor:
    """Bands ``(C, rows, columns)`` of one file or of several."""
    bands = [open_image(preflight(path, ReadOptions(channels="all"))).data for path in paths]
    # Volumes count columns first, networks rows.
    bands = [band.movedim(1, -1) for band in bands]
    largest = max((tuple(band.shape[1:]) for band in bands), key=min)
    return torch.cat([b if b.shape[1:] == largest else _resized(b, largest) for b in bands])


def _square(image: Tensor, size: int) -> Tensor:
    """The whole image at so many pixels a side, as the reference shows it to networks."""
    return _resized(image, (size, size)) if tuple(image.shape[1:]) != (size, size) else image


def _resized(image: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.nn.functional.interpolate(
        image[None].float(), shape, mode="bilinear", antialias=True, align_corners=False
    )[0]


def _size(image: Tensor) -> str:
    return "x".join(map(str, image.shape[1:]))
