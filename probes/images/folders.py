"""Images in folders, one a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings
from probes.images.stacks import evenly_by_class, stack_images
from regkit.errors import InputError

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
    folders = sorted(each for each in folder_of(settings.path).iterdir() if each.is_dir())
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
    keep = evenly_by_class(truth, settings.limit)
    paths = [paths[n] for n in keep]
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    images, valid = stack_images([[path] for path in paths], settings)
    return ImageSamples(images, truth[keep], names, valid, by_name=True)


def folder_of(path: Path) -> Path:
    """Return a path that is a folder.

    Raises
    ------
    InputError
        If it is none.
    """
    if not path.is_dir():
        raise InputError(f"{path.name}: is no folder; name the one that holds the data set")
    return path
