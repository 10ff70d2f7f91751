"""Echo: the baseline that returns the mask that it was given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import given_image, given_mask
from foundation.segmenters.on_grid import boxes_on, mask_on
from foundation.segmenters.segmenter import Capabilities, Segmentation
from regkit.errors import InputError
from regkit.volume import Volume

_CAPABILITIES = Capabilities((PromptKind.BOX, PromptKind.MASK))


def open_echo(path: Path | None) -> Echo:
    """The prompt itself as the result, a mask or a box filled: what a model must beat.

    Parameters
    ----------
    path
        Not needed: it has no weights.

    Raises
    ------
    InputError
        If a path is given.
    """
    if path is not None:
        raise InputError(f"model echo={path}: it has no weights; write echo alone")
    return Echo()


@dataclass
class Echo:
    """Its Dice is that of the prompt with the truth; a model that follows its prompt equals it."""

    name: str = "echo"
    capabilities: Capabilities = _CAPABILITIES
    image: Volume | None = None

    def set_image(self, image: Volume) -> None:
        """Take the grid of the image; nothing else of it is looked at."""
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Return the mask of the prompt, or its boxes filled, on the grid of the image.

        Raises
        ------
        UnsupportedPromptError
            If another kind of prompt is given.
        InputError
            If no image was set.
        """
        self.capabilities.check(prompts, self.name)
        image = given_image(self.image, self.name)
        if prompts.boxes:
            data = boxes_on(prompts.boxes, image.grid).float()
        else:
            data = mask_on(given_mask(prompts, self.name), image.grid).clamp(0, 1)
        return Segmentation.of(Volume(data, image.grid, image.name))

    def reset(self) -> None:
        """Forget the image."""
        self.image = None
