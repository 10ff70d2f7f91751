"""Turn a mask into other prompts, each by a named rule that a study can record."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from foundation.prompts.box import Box
from foundation.prompts.kinds import PromptKind
from foundation.prompts.logits import logits_of_mask, smooth_logits_of_mask
from foundation.prompts.perturbations.structure import voxel_positions
from foundation.prompts.places import points_of_mask
from foundation.prompts.prompts import Prompts
from regkit.errors import InputError
from regkit.settings import near
from regkit.volume import Volume


def box_of_mask(mask: Volume, *, margin: float = 0.0) -> Box:
    """Return the smallest box, parallel to the axes of the world, around the voxels of a mask.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``; what is above 0.5 counts.
    margin
        World units by which each side is moved out; in, where negative, but never past the middle.

    Raises
    ------
    EmptyMaskError
        If the mask is empty.
    """
    tight = _box_around(mask, voxel_positions(mask))
    room = [max(margin, -side / 2) for side in tight.size]
    return tight.moved([-each for each in room], room)


def slice_box_of_mask(mask: Volume, *, axis: int | None = None) -> Box:
    """Return the flat box around a mask in the slice where it is largest.

    Slices are cut across an axis of the world and are as thick as the voxels are along it. Of
    equals, the one that is nearest to the middle is taken.

    Parameters
    ----------
    mask
        ``(1, i, j, k)``.
    axis
        Of the world, from 0; by default that along which the voxels are longest, the last of
        equals.

    Raises
    ------
    EmptyMaskError
        If the mask is empty.
    InputError
        If there is no such axis.
    """
    world = voxel_positions(mask)
    directions = np.abs(mask.affine[:-1, :-1])
    along = _slice_axis(mask, axis)
    thickness = float(directions[along].max())
    number = np.round((world[:, along] - world[:, along].min()) / thickness).astype(int)
    counts = np.bincount(number)
    largest = np.flatnonzero(counts == counts.max())
    best = largest[int(np.argmin(np.abs(largest - (len(counts) - 1) / 2)))]
    box = _box_around(mask, world[number == best])
    level = float(np.mean(world[number == best][:, along]))
    low, high = list(box.lower), list(box.upper)
    low[along] = high[along] = level
    return Box(tuple(low), tuple(high))


CONVERTERS: dict[str, Callable[..., Prompts]] = {
    "box": lambda mask, **how: Prompts(boxes=(box_of_mask(mask, **how),)),
    "slice_box": lambda mask, **how: Prompts(boxes=(slice_box_of_mask(mask, **how),)),
    "points": lambda mask, **how: Prompts(points=points_of_mask(mask, **how)),
    "mask": lambda mask: Prompts(mask=mask),
    "logits": lambda mask, **how: Prompts(mask=logits_of_mask(mask, **how)),
    "smooth_logits": lambda mask, **how: Prompts(mask=smooth_logits_of_mask(mask, **how)),
}
"""A name that studies record, to what makes prompts of a mask, with its keywords."""

CONVERTED_KINDS = {
    "box": PromptKind.BOX, "slice_box": PromptKind.SLICE_BOX, "points": PromptKind.POINTS,
    "mask": PromptKind.MASK, "logits": PromptKind.MASK, "smooth_logits": PromptKind.MASK,
}  # fmt: skip
"""The kind of prompt that each makes."""


def converter_called(name: str) -> Callable[..., Prompts]:
    """Return the converter of that name.

    Raises
    ------
    InputError
        If there is none, with the names that are near.

    Examples
    --------
    >>> converter_called("boxx")
    Traceback (most recent call last):
    regkit.errors.InputError: converter 'boxx': there is none; did you mean 'box'?
    """
    if name not in CONVERTERS:
        raise InputError(f"converter {name!r}: there is none{near(name, CONVERTERS)}")
    return CONVERTERS[name]


def _box_around(mask: Volume, world: NDArray[np.float64]) -> Box:
    half = np.abs(mask.affine[:-1, :-1]).sum(axis=1) / 2
    return Box.around(world).moved((-half).tolist(), half.tolist())


def _slice_axis(mask: Volume, axis: int | None) -> int:
    if axis is None:
        linear = np.abs(mask.affine[:-1, :-1])
        coarsest = len(mask.spacing) - 1 - int(np.argmax(np.round(mask.spacing[::-1], 6)))
        return int(np.argmax(linear[:, coarsest]))
    if axis not in range(mask.ndim):
        raise InputError(f"slice box: axis {axis}; allowed: 0 to {mask.ndim - 1}")
    return axis
