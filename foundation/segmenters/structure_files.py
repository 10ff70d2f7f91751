"""Masks that another program wrote, a folder an image and a file a structure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import given_image
from foundation.segmenters.on_grid import mask_on
from foundation.segmenters.segmenter import Capabilities, Segmentation
from regkit.errors import InputError
from regkit.io import read_labels
from regkit.io.names import extension
from regkit.volume import Volume

_SUFFIXES = (".nii.gz", ".nii")


def structures_in(folder: Path) -> dict[str, Path]:
    """List the files of structures in the folder of one image, by the names of the structures."""
    files = sorted(file for file in folder.iterdir() if file.name.endswith(_SUFFIXES))
    return {file.name.removesuffix(extension(file)): file for file in files}


@dataclass
class StructureFiles:
    """Masks as TotalSegmentator writes them: FOLDER/IMAGE/liver.nii.gz, spleen.nii.gz, ...

    Parameters
    ----------
    folder
        Where the folders of images are.
    """

    folder: Path
    name: str = "predictions"
    image: Volume | None = None
    _files: dict[str, Path] = field(default_factory=dict)

    @property
    def capabilities(self) -> Capabilities:
        """Names of the structures of any image, or no prompt: then all of them together."""
        folders = (each for each in sorted(self.folder.iterdir()) if each.is_dir())
        names = dict.fromkeys(name for each in folders for name in structures_in(each))
        return Capabilities((PromptKind.NONE, PromptKind.CLASSES), classes=tuple(names))

    def set_image(self, image: Volume) -> None:
        """Look for the folder that is called as the image is.

        Raises
        ------
        InputError
            If there is none, or the image has no name.
        """
        stem = image.name.removesuffix(extension(Path(image.name)))
        if not stem or not (self.folder / stem).is_dir():
            raise InputError(
                f"{image.name or 'the image'}: {self.folder.name} holds no folder of that name; "
                f"put the masks of its structures into {self.folder.name}/{stem or 'NAME'}"
            )
        self.image, self._files = image, structures_in(self.folder / stem)

    def segment(self, prompts: Prompts) -> Segmentation:
        """Return the structures that are named, on the grid of the image.

        Raises
        ------
        UnsupportedPromptError
            If another kind of prompt is given, or a name that no image has.
        InputError
            If no image was set, or this one has no file of that structure.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        names = prompts.classes or tuple(self._files)
        chance = torch.zeros(1, *image.shape)
        for name in names:
            if name not in self._files:
                raise InputError(
                    f"{image.name}: there is no mask of {name!r}; run the program on it"
                )
            labels = read_labels(self._files[name])
            inside = Volume((labels.data > 0).float(), labels.grid, labels.name)
            chance = torch.maximum(chance, mask_on(inside, image.grid).clamp(0, 1))
        details = {"files": [self._files[name].name for name in names]}
        return Segmentation.of(Volume(chance, image.grid, image.name), details)

    def reset(self) -> None:
        """Forget the image."""
        self.image, self._files = None, {}
