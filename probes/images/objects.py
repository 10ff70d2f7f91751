"""Data sets as Python objects: anybody's own, and those of torchgeo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probes.images.functions import call_named
from probes.images.samples import ImageSamples
from probes.images.settings import DataSettings, TruthKind
from probes.images.stacks import evenly_by_class
from regkit.errors import InputError


def read_objects(settings: DataSettings, truth: TruthKind) -> ImageSamples:
    """Read the items of the object that a function or class makes.

    Parameters
    ----------
    settings
        ``dataset`` names the function, ``MODULE:NAME``, which is called with ``options``. Its
        object has a length, and items from 0 on: mappings with ``image`` ``(C, *spatial)`` and
        ``label`` (a whole number, or one 0 or 1 a class) or ``mask`` ``(*spatial)``, and ``name``
        and ``subject`` if wanted, as those of torchgeo; or pairs of image and truth. ``limit``
        takes items evenly from first to last: their classes are not known before they are read.
    truth
        What is known of each image.

    Raises
    ------
    InputError
        If there is no such function, its object has no items, or an item has not what is needed.
    """
    found = _made(settings)
    items = [
        _item(settings, found, n) for n in evenly_by_class(np.zeros(len(found)), settings.limit)
    ]
    key = "mask" if truth == "map" else "label"
    images = _stacked(settings, items, "image").float()
    known = _stacked(settings, items, key)
    names = [str(item.get("name", f"item {item['number']}")) for item in items]
    owners = [str(item["subject"]) for item in items if "subject" in item]
    if owners and len(owners) != len(items):
        raise InputError(f"{settings.name}: {len(owners)} of {len(items)} items have a subject")
    subjects = owners or None
    if truth == "map":
        maps = known.long().reshape(len(known), 1, *known.shape[-(images.ndim - 2) :])
        _check_maps(settings, maps, images)
        return ImageSamples(images, None, names, labels=maps, subjects=subjects)
    wide = known.reshape(len(known), -1)
    if truth == "class" and wide.shape[1] > 1:
        raise InputError(
            f"{settings.name}: has {wide.shape[1]} labels an image; use the task several-labels"
        )
    values = (wide if truth == "several" else wide[:, 0]).double().numpy()
    return ImageSamples(images, values, names, subjects=subjects)


def _made(settings: DataSettings) -> Any:
    place = settings.dataset or ""
    found = call_named(settings.name, place, settings.options)
    if not hasattr(found, "__len__") or not hasattr(found, "__getitem__") or not len(found):
        raise InputError(
            f"{settings.name}: {place} returns {type(found).__name__}; a data set has a length "
            "above 0, and items"
        )
    return found


def _item(settings: DataSettings, found: Any, number: int) -> dict[str, Any]:
    try:
        item = found[number]
    except Exception as error:  # likewise
        first = str(error).strip().split("\n")[0]
        raise InputError(f"{settings.name}: item {number} cannot be read: {first:.160}") from error
    if isinstance(item, Mapping):
        return {**item, "number": number}
    if isinstance(item, tuple) and len(item) == 2:
        return {"number": number, "image": item[0], "label": item[1], "mask": item[1]}
    raise InputError(
        f"{settings.name}: item {number} is {type(item).__name__}; an item is a mapping with image "
        "and label or mask, or a pair of them"
    )


def _stacked(settings: DataSettings, items: list[dict[str, Any]], key: str) -> Tensor:
    values = [_numbers(settings, item, key) for item in items]
    for item, value in zip(items, values, strict=True):
        if value.shape != values[0].shape:
            raise InputError(
                f"{settings.name}: item {item['number']} has {key} of shape {tuple(value.shape)}, "
                f"the first one {tuple(values[0].shape)}; all must have the same"
            )
    return torch.stack(values)


def _numbers(settings: DataSettings, item: dict[str, Any], key: str) -> Tensor:
    if key not in item:
        there = ", ".join(str(name) for name in item if name != "number")
        raise InputError(
            f"{settings.name}: item {item['number']} has no {key}, which the task needs; it has "
            f"{there}"
        )
    try:
        value = torch.as_tensor(item[key])
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{settings.name}: item {item['number']} has {key} of type {type(item[key]).__name__}; "
            "it must be a tensor, an array or a number"
        ) from error
    if key == "image" and value.ndim not in (3, 4):
        raise InputError(
            f"{settings.name}: item {item['number']} has an image of shape {tuple(value.shape)}; "
            "bands come first, then two or three axes of space"
        )
    return value


def _check_maps(settings: DataSettings, maps: Tensor, images: Tensor) -> None:
    if maps.shape[2:] != images.shape[2:]:
        raise InputError(
            f"{settings.name}: has masks of {tuple(maps.shape[2:])} for images of "
            f"{tuple(images.shape[2:])}; a segmenter is judged by a label for each voxel"
        )
