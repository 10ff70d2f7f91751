"""Tell whether the left and the right of a label map are where their names say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch

from regkit.errors import InputError
from regkit.geometry.world import RAS
from regkit.volume import Labels

_LEFT_WORD = re.compile(r"(?<![a-z])(left|lh|l)(?![a-z])")
_RIGHT = {"left": "right", "lh": "rh", "l": "r"}


def check_sides(labels: Labels, structures: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a label map in which a structure of the left lies to the right of its twin.

    Structures are twins whose names differ in one word alone: left and right, lh and rh, or L and
    R. Maps that are in no RAS+ world, or lack one of the two, are not judged.

    Parameters
    ----------
    labels
        ``(1, i, j, k)``.
    structures
        The values of each structure, by its name.

    Raises
    ------
    InputError
        Naming the map and the structures: a table of labels that takes left for right would make
        every model look wrong.

    Examples
    --------
    >>> import numpy as np
    >>> names = {"left lung": (1,), "right lung": (2,)}
    >>> check_sides(Labels(np.array([[[1]], [[2]]]), np.eye(4)), names)
    >>> check_sides(Labels(np.array([[[2]], [[1]]]), np.eye(4), "chest.nii"), names)
    Traceback (most recent call last):
    ...
    regkit.errors.InputError: chest.nii: left lung lies to the right of right lung; exchange \
their values in the table of labels, or check the orientation of the file
    """
    if labels.grid.world.axes != RAS:
        return
    for left, right in _twins(structures):
        places = [_across(labels, structures[name]) for name in (left, right)]
        if places[0] is not None and places[1] is not None and places[0] > places[1]:
            raise InputError(
                f"{labels.name}: {left} lies to the right of {right}; exchange their values in the "
                "table of labels, or check the orientation of the file"
            )


def has_twins(structures: Mapping[str, object]) -> bool:
    """Tell whether there is a structure with a left and a right.

    Examples
    --------
    >>> has_twins({"kidney_left": 2, "kidney_right": 3}), has_twins({"liver": 5, "left lung": 6})
    (True, False)
    """
    return any(_twins(structures))


def _twins(structures: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    known = {name.lower(): name for name in structures}
    for lowered, name in known.items():
        twin = _LEFT_WORD.sub(lambda found: _RIGHT[found[1]], lowered)
        if twin != lowered and twin in known:
            yield name, known[twin]


def _across(labels: Labels, values: tuple[int, ...]) -> float | None:
    """The mean of a structure from left to right, None where it is missing."""
    wanted = torch.tensor(values, dtype=labels.data.dtype)
    index = torch.isin(labels.data[0], wanted).nonzero().double()
    return float(labels.grid.to_world(index)[:, 0].mean()) if len(index) else None
