"""Whose image an object is, told by the module of its class; nothing is imported for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regkit.errors import InputError
from regkit.io.channels import luminance, pick_channels
from regkit.io.finite import with_finite
from regkit.io.interchange.metatensors import from_metatensor
from regkit.io.interchange.nibabel_images import from_nibabel
from regkit.io.interchange.sitk_images import from_ants, from_sitk
from regkit.io.options import AS_STORED, ReadOptions
from regkit.io.voxels import mark_padding
from regkit.volume.volume import Volume

_READERS: dict[str, Callable[[Any, ReadOptions], Volume]] = {
    "nibabel": from_nibabel,
    "SimpleITK": from_sitk,
    "ants": from_ants,
    "monai": from_metatensor,
}


def is_foreign(thing: object) -> bool:
    """Tell whether an object is an image of a library that regkit knows."""
    return _library(thing) is not None


def from_object(thing: object, options: ReadOptions = AS_STORED) -> Volume:
    """Turn an image of nibabel, SimpleITK, ANTs or MONAI into a volume where it lies.

    Parameters
    ----------
    thing
        The image; voxels keep their type, and share memory where that is possible.
    options
        Which frame and channels are meant, what stands in for NaN, and what is padding.

    Returns
    -------
    Volume
        ``(C, *spatial)`` in RAS+.

    Raises
    ------
    InputError
        If it is none of them, or cannot be trusted as a file of its kind could not.
    """
    library = _library(thing)
    if library is None:
        raise InputError(
            f"{type(thing).__name__} is no image that regkit knows; give a path, a Volume, an "
            "image of nibabel, SimpleITK, ANTs or MONAI, or an array with its affine"
        )
    return with_choices(_READERS[library](thing, options), options)


def _library(thing: object) -> str | None:
    modules = [kind.__module__.split(".")[0] for kind in type(thing).__mro__]
    return next((name for name in modules if name in _READERS), None)


def with_choices(volume: Volume, options: ReadOptions) -> Volume:
    """Apply to an image in memory what ``options`` say of channels, NaN and padding, as to a file.

    Raises
    ------
    InputError
        If it has NaN, and nothing stands in for that, or has no such channel.
    """
    named = pick_channels(volume, options)
    image = mark_padding(_without_nan(named, options), options.padding)
    return luminance(image) if options.channels == "luminance" else image


def _without_nan(volume: Volume, options: ReadOptions) -> Volume:
    if not volume.data.is_floating_point():
        return volume
    if options.nan is None:
        with_finite(volume.name or "image", volume.data.numpy(), None)
        return volume
    return volume.without_nan(options.nan)
