"""What a segmenter was given, or an error that says what is missing."""

from __future__ import annotations

from typing import TypeVar

from foundation.prompts import Prompts
from foundation.segmenters.segmenter import UnsupportedPromptError
from regkit.errors import InputError
from regkit.volume import Volume

_Image = TypeVar("_Image")


def given_image(image: _Image | None, model: str) -> _Image:
    """Return the image that a segmenter was given, or what it made of it.

    Raises
    ------
    InputError
        If it was given none.
    """
    if image is None:
        raise InputError(f"{model} was given no image; call set_image before segment")
    return image


def check_one_channel(image: Volume, model: str) -> None:
    """Refuse an image that is no volume of one channel, ``(1, i, j, k)``.

    Raises
    ------
    InputError
        If it is none.
    """
    if image.channels != 1 or image.ndim != 3:
        raise InputError(
            f"{image.name or 'image'}: {image.channels} channels in {image.ndim}-D; {model} takes "
            "one channel in 3-D"
        )


def given_mask(prompts: Prompts, model: str) -> Volume:
    """Return the mask among the prompts.

    Raises
    ------
    UnsupportedPromptError
        If there is none.
    """
    if prompts.mask is None:
        raise UnsupportedPromptError(f"{model} needs a prompt of the kind mask; give one")
    return prompts.mask
