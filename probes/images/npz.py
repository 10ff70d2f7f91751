"""Arrays in one file: MedMNIST and its like."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from torch import Tensor

from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings, TruthKind
from regkit.errors import InputError


def read_npz(settings: DataSettings, truth: TruthKind) -> ImageSamples:
    """Read the images and labels of one split.

    Parameters
    ----------
    settings
        The file, and which split of it.
    truth
        What labels are: a class or several for each image, or label maps.

    Raises
    ------
    InputError
        If the file is no such archive, or images and labels do not belong together.
    """
    with _opened(settings.path) as archive:
        images, labels = (_array(archive, settings, what) for what in ("images", "labels"))
    if len(images) != len(labels):
        raise InputError(
            f"{settings.path.name}: has {len(images)} images and {len(labels)} labels; each image "
            "needs its own"
        )
    names = [f"{settings.split} {number}" for number in range(len(images))]
    shown = _bands_first(images)
    if truth == "map":
        return ImageSamples(shown, None, names, labels=_maps(settings, labels, shown))
    wide = labels.reshape(len(labels), -1)
    if truth == "class" and wide.shape[1] > 1:
        raise InputError(
            f"{settings.path.name}: has {wide.shape[1]} labels an image; use the task "
            "several-labels"
        )
    return ImageSamples(
        shown, (wide if truth == "several" else wide[:, 0]).astype(np.float64), names
    )


def _maps(settings: DataSettings, labels: NDArray[np.generic], images: Tensor) -> Tensor:
    """Label maps ``(N, 1, *spatial)``."""
    found = torch.from_numpy(labels.astype(np.int64))
    if found.shape[1:] != images.shape[2:]:
        raise InputError(
            f"{settings.path.name}: has labels of {tuple(found.shape[1:])} for images of "
            f"{tuple(images.shape[2:])}; a segmenter is judged by a label for each voxel"
        )
    return found[:, None]


def _opened(path: Path) -> NpzFile:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name}: cannot be read as an archive of arrays (.npz)") from error
    if not isinstance(found, NpzFile):
        raise InputError(f"{path.name}: holds one array; images and labels are needed (.npz)")
    return found


def _array(archive: NpzFile, settings: DataSettings, what: str) -> NDArray[np.generic]:
    names = (f"{settings.split}_{what}", what)
    for name in names:
        if name in archive.files:
            try:
                return np.asarray(archive[name])
            except ValueError as error:
                raise InputError(f"{settings.path.name}: {name} is no array of numbers") from error
    raise InputError(
        f"{settings.path.name}: has no {' or '.join(names)}; its arrays are "
        f"{', '.join(archive.files)}"
    )


def _bands_first(images: NDArray[np.generic]) -> Tensor:
    """``(N, rows, columns)``, the same with bands last, or cubes, with the axis of bands first."""
    found = torch.from_numpy(images)
    if found.ndim == 3 or (found.ndim == 4 and found.shape[-1] > 16):
        return found[:, None]
    return found.movedim(-1, 1)
