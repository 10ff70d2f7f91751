"""Prepare an image, and hold what a registration says of it against how it was prepared."""

from __future__ import annotations

from typing import get_args

import torch

from regkit.errors import InputError
from regkit.preprocess.intensity import Modality
from regkit.registration.check import as_mask, check_image
from regkit.registration.config import RegisterConfig
from regkit.registration.flat import flatten_slice
from regkit.registration.prepared import PreparedImage
from regkit.volume.volume import Labels, Volume

Given = Volume | PreparedImage


def prepare(
    image: Volume, *, mask: Volume | None = None, modality: Modality = "auto"
) -> PreparedImage:
    """Check an image, so that it can be registered any number of times; see :func:`regkit.prepare`.

    Parameters
    ----------
    image
        The image as it was read.
    mask
        Where it counts: above 0, on its grid; everywhere if None.
    modality
        How its intensities come to [0, 1]: ``auto``, or what the image is.

    Raises
    ------
    InputError
        If the image, its mask or the modality cannot be used.
    """
    if modality not in get_args(Modality):
        allowed = ", ".join(get_args(Modality))
        raise InputError(f"modality {modality!r:.40} is unknown; allowed: {allowed}")
    check_image(image)
    return PreparedImage(image, as_mask(mask, image), modality)


def image_of(given: Given) -> Volume:
    """Return the image itself, whether it was prepared or not."""
    return given.image if isinstance(given, PreparedImage) else given


def with_modalities(config: RegisterConfig, fixed: Given, moving: Given) -> RegisterConfig:
    """Put into ``config`` the modalities for which the images were prepared, if they were.

    Parameters
    ----------
    config
        Settings; a modality in them that is not ``auto`` must be that of the prepared images.
    fixed, moving
        The images, each prepared or not.

    Raises
    ------
    InputError
        If ``config`` names another modality than an image was prepared for.
    """
    if not any(isinstance(each, PreparedImage) for each in (fixed, moving)):
        return config
    modality, other = _agreed(fixed, config.modality), config.moving_modality
    if isinstance(moving, PreparedImage):
        agreed = _agreed(moving, other or config.modality)
        other = agreed if agreed != modality else other
    return config.model_copy(update={"modality": modality, "moving_modality": other})


def _agreed(given: Given, asked: Modality) -> Modality:
    if not isinstance(given, PreparedImage) or asked == given.modality:
        return asked
    if asked == "auto":
        return given.modality
    raise InputError(
        f"{given.image.name or 'image'}: was prepared with modality {given.modality!r}, and now "
        f"{asked!r} is asked for; prepare it with modality={asked!r}, or leave the option out"
    )


def prepared_side(
    given: Given, image: Volume, mask: Labels | None, modality: Modality
) -> PreparedImage:
    """One side of a pair: as it was prepared, or ``image`` with its mask and modality.

    Parameters
    ----------
    given
        What the caller gave.
    image
        The same as an image, and 2-D where the pair is.
    mask, modality
        What the caller says of it; the mask on the grid of ``image``.

    Raises
    ------
    InputError
        If it was prepared with another mask.
    """
    if not isinstance(given, PreparedImage):
        return PreparedImage(image, mask, modality)
    side = given if given.image is image else given.through(flatten_slice)
    if mask is not None and (side.mask is None or not torch.equal(mask.data, side.mask.data)):
        how = "without a mask" if side.mask is None else "with another mask"
        raise InputError(
            f"{image.name or 'image'}: was prepared {how}; give this one to rk.prepare, or "
            "register the image itself"
        )
    return side
