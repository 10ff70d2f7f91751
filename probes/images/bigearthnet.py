"""BigEarthNet: a folder for each patch, a GeoTIFF for each band, labels as JSON or Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from probes.images.folders import folder_of
from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings
from probes.images.stacks import evenly_by_class, stack_images
from probes.images.tables import number_classes
from regkit.errors import InputError, require

_LABELS = "_labels_metadata.json"
_METADATA, _SCENES = "metadata.parquet", "BigEarthNet-S2"
_COLUMNS = ["patch_id", "labels", "split"]
_SPLITS = {"train": "train", "val": "validation", "test": "test"}


def read_bigearthnet(settings: DataSettings) -> ImageSamples:
    """Read patches of BigEarthNet, of which either version has a layout of its own.

    The first one has a folder of patches with their labels as JSON; the second one has
    ``metadata.parquet``, with labels and splits, beside ``BigEarthNet-S2``, in which patches lie by
    their scenes. Labels are numbered in the order of the names of all that there are. Bands are
    brought to the size of the largest one.

    Parameters
    ----------
    settings
        The folder of patches, or the one with ``metadata.parquet``, of which the split is read.

    Raises
    ------
    InputError
        If there is no patch, or a band or its labels are missing.
    """
    folder = folder_of(settings.path)
    described = (folder / _METADATA).is_file()
    found = _of_split(folder, settings) if described else _of_folders(folder)
    patches, labels, known = found
    truth = number_classes([*labels, known], several=True)[:-1]
    keep = evenly_by_class(truth.argmax(1), settings.limit)
    paths = [_band_files(patches[n], settings) for n in keep]
    names = [patches[n].name for n in keep]
    images, valid = stack_images(paths, settings)
    return ImageSamples(images, truth[keep], names, valid)


_Described = tuple[list[Path], list[list[str]], list[str]]
"""Patches, the labels of each, and all labels that there are."""


def _of_folders(folder: Path) -> _Described:
    patches = sorted(each for each in folder.iterdir() if each.is_dir())
    if not patches:
        raise InputError(f"{folder.name}: has no folder of a patch")
    labels = [_patch_labels(patch) for patch in patches]
    return patches, labels, sorted({label for own in labels for label in own})


def _patch_labels(patch: Path) -> list[str]:
    path = patch / f"{patch.name}{_LABELS}"
    try:
        labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{patch.name}: has no {path.name} with labels, as patches of BigEarthNet have; the "
            f"second version has {_METADATA} beside {_SCENES} instead: name the folder of both"
        ) from error
    return [str(label) for label in labels]


def _of_split(folder: Path, settings: DataSettings) -> _Described:
    rows = _metadata(folder / _METADATA)
    wanted = _SPLITS[settings.split]
    own = [row for row in rows if row["split"] == wanted]
    if not own:
        there = ", ".join(sorted({str(row["split"]) for row in rows})) or "nothing"
        raise InputError(f"{folder.name}: {_METADATA} has no patch of {wanted!r}; it has {there}")
    own.sort(key=lambda row: str(row["patch_id"]))
    names = [str(row["patch_id"]) for row in own]
    patches = [folder / _SCENES / name.rsplit("_", 2)[0] / name for name in names]
    known = sorted({label for row in rows for label in row["labels"]})
    return patches, [row["labels"] for row in own], known


def _metadata(path: Path) -> list[dict[str, Any]]:
    parquet = require("pyarrow.parquet", extra="probes")
    try:
        found: list[dict[str, Any]] = parquet.read_table(path, columns=_COLUMNS).to_pylist()
    except Exception as error:  # whatever a damaged file makes of a C++ library
        first = str(error).partition("\n")[0]
        raise InputError(
            f"{path.name}: cannot be read as Parquet with {', '.join(_COLUMNS)}: {first:.120}"
        ) from error
    return found


def _band_files(patch: Path, settings: DataSettings) -> list[Path]:
    files = {path.stem.rpartition("_")[2]: path for path in sorted(patch.glob("*.tif"))}
    if not files:
        raise InputError(f"{patch.name}: has no folder with GeoTIFFs at {patch.parent.name}")
    wanted = settings.bands or tuple(files)
    for band in wanted:
        if band not in files:
            raise InputError(
                f"{patch.name}: has no band {band!r}; its bands are {', '.join(files)}"
            )
    return [files[str(band)] for band in wanted]
