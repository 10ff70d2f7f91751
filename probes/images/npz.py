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
from probes.images.settings import DataSettings
from regkit.errors import InputError


def read_npz(settings: DataSettings, several: bool) -> ImageSamples:
    """Read the images and labels of one split.

    Parameters
    ----------
    settings
        The file, and which split of it.
    several
        Whether an image has several labels.

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
    wide = labels.reshape(len(labels), -1)
    if not several and wide.shape[1] > 1:
        raise InputError(
            f"{settings.path.name}: has {wide.shape[1]} labels an image; use the task "
            "several-labels"
        )
    truth = (wide if several else wide[:, 0]).astype(np.float64)
    names = [f"{settings.split} {number}" for number in range(len(images))]
    return ImageSamples(_bands_first(images), truth, names)


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
