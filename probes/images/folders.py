"""Images in folders: one a class, and BigEarthNet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings
from probes.images.stacks import evenly_by_class, stack_images
from probes.images.tables import number_classes
from regkit.errors import InputError

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
    keep = evenly_by_class(truth, settings.limit)
    paths = [paths[n] for n in keep]
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    images, valid = stack_images([[path] for path in paths], settings)
    return ImageSamples(images, truth[keep], names, valid, by_name=True)


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
    truth = number_classes(found, several=True)
    keep = evenly_by_class(truth.argmax(1), settings.limit)
    paths = [_band_files(patches[n], settings) for n in keep]
    names = [patches[n].name for n in keep]
    images, valid = stack_images(paths, settings)
    return ImageSamples(images, truth[keep], names, valid)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InputError(f"{path.name}: is no folder; name the one that holds the data set")
    return path


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
