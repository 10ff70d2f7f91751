"""Label maps that another program wrote, such as nnU-Net or TotalSegmentator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import given_image
from foundation.segmenters.on_grid import mask_on
from foundation.segmenters.segmenter import Capabilities, MissingWeightsError, Segmentation
from foundation.segmenters.structure_files import StructureFiles, structures_in
from foundation.segmenters.weights import as_named
from regkit.errors import InputError
from regkit.io import read_labels
from regkit.io.names import extension
from regkit.io.settings import read_settings
from regkit.volume import Labels, Volume

_NAMES = "dataset.json"
_CHANNEL = "_0000"  # that nnU-Net adds to the first channel of an image
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


def open_predictions(path: Path | None) -> Predictions | StructureFiles:
    """Label maps that another program wrote, in predictions=FOLDER.

    Parameters
    ----------
    path
        A folder with a label map for each image, called as the image is (nnU-Net's ``_0000`` left
        out), and ``dataset.json``, whose ``labels`` map names of structures to their values. Or,
        without that file, a folder for each image with a mask for each structure, as
        TotalSegmentator writes them.

    Raises
    ------
    MissingWeightsError
        If there is no such folder, or it holds neither.
    InputError
        If that file names no labels.
    """
    named = path is not None and (path / _NAMES).is_file()
    if path is not None and path.is_dir() and not named and _has_structure_files(path):
        return StructureFiles(path)
    if path is None or not named:
        raise MissingWeightsError(
            f"{as_named('predictions', path)}: there is no {_NAMES}; write predictions=FOLDER with "
            "the label maps of another program, and that file with the values of its labels; or "
            "with a folder for each image, and in it a mask for each structure"
        )
    return Predictions(path, _labels(read_settings(path / _NAMES), path))


def _has_structure_files(path: Path) -> bool:
    return any(each.is_dir() and structures_in(each) for each in path.iterdir())


def _labels(given: Mapping[str, Any], path: Path) -> dict[str, tuple[int, ...]]:
    """Names to values; nnU-Net's regions have several."""
    found = given.get("labels")
    if not isinstance(found, Mapping) or not found:
        raise InputError(f"{path.name}/{_NAMES}: names no labels; give names and their values")
    values = {
        str(name): tuple(value) if isinstance(value, list) else (value,)
        for name, value in found.items()
    }
    for name, several in values.items():
        if not several or not all(isinstance(v, int) and not isinstance(v, bool) for v in several):
            raise InputError(
                f"{path.name}/{_NAMES}: label {name!r} is {found[name]!r:.40}; allowed: a whole "
                "number, or a list of them"
            )
    return {name: several for name, several in values.items() if several != (0,)}


@dataclass
class Predictions:
    """Label maps in a folder as a segmenter that takes names of structures, or no prompt at all.

    Parameters
    ----------
    folder
        Where they are.
    labels
        The values of each structure, by its name.
    """

    folder: Path
    labels: Mapping[str, tuple[int, ...]]
    name: str = "predictions"
    image: Volume | None = None
    found: Labels | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Names of the structures, or no prompt: then all of them together."""
        kinds = (PromptKind.NONE, PromptKind.CLASSES)
        return Capabilities(kinds, classes=tuple(self.labels))

    def set_image(self, image: Volume) -> None:
        """Read the label map that is called as the image is.

        Raises
        ------
        InputError
            If there is none, or the image has no name.
        """
        stem = image.name.removesuffix(extension(Path(image.name))).removesuffix(_CHANNEL)
        places = [self.folder / f"{stem}{suffix}" for suffix in _SUFFIXES]
        there = [place for place in places if stem and place.is_file()]
        if not there:
            raise InputError(
                f"{image.name or 'the image'}: {self.folder.name} holds no label map of that name; "
                f"allowed: {stem or 'NAME'} with {', '.join(_SUFFIXES)}"
            )
        self.image, self.found = image, read_labels(there[0])

    def segment(self, prompts: Prompts) -> Segmentation:
        """Return the structures that are named, on the grid of the image.

        Raises
        ------
        UnsupportedPromptError
            If another kind of prompt is given, or a name that is not known.
        InputError
            If no image was set.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        labels = self.found
        if labels is None:
            raise InputError(f"{self.name} has read no label map; call set_image before segment")
        names = prompts.classes or tuple(self.labels)
        values = [value for name in names for value in self.labels[name]]
        inside = torch.isin(labels.data, torch.tensor(values, dtype=labels.data.dtype))
        mask = Volume(inside.float(), labels.grid, labels.name)
        data = mask_on(mask, image.grid).clamp(0, 1)
        details = {"file": labels.name, "values": values}
        return Segmentation.of(Volume(data, image.grid, image.name), details)

    def reset(self) -> None:
        """Forget the image and its label map."""
        self.image = self.found = None
