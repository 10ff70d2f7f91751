"""Several transform files, as one map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regkit.errors import InputError
from regkit.io.transforms import read_transform
from regkit.transforms import Transform, compose


def open_chain(paths: Sequence[Path]) -> Transform:
    """Read several transform files as one map, in the order in which a world point passes them.

    Each maps world points of fixed to world points of moving (RAS+ mm): the first file of ``paths``
    is applied first.

    Raises
    ------
    InputError
        If one cannot be read, or they are of different dimensions.
    """
    found = [read_transform(path) for path in paths]
    for path, each in zip(paths, found, strict=True):
        if each.ndim != found[0].ndim:
            raise InputError(
                f"{path.name}: is {each.ndim}-D and {paths[0].name} {found[0].ndim}-D; transforms "
                "in a row must have one dimension"
            )
    return compose(*reversed(found))
