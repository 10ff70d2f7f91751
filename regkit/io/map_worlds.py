"""Transforms of maps in ITK's HDF5 files, whose points are those of the CRS and not LPS."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from regkit.errors import InputError, require
from regkit.geometry import World
from regkit.io.fields import flip_components
from regkit.io.lps import flip_xy, lps
from regkit.io.names import display_name
from regkit.transforms import Affine, DisplacementField, Transform, compose, links

# Beside ITK's own entries at the top of the file, which ITK leaves alone.
KEY = "RegkitWorlds"
Worlds = tuple[World, World]


def map_worlds(transform: Transform) -> Worlds | None:
    """Return the worlds that a transform, fixed to moving, connects, if both have a CRS."""
    fixed, moving = transform.fixed_world, transform.moving_world
    if fixed is None or moving is None or fixed.crs is None or moving.crs is None:
        return None
    return fixed, moving


def swap_ras_and_lps(transform: Transform) -> Transform:
    """Turn a transform, fixed to moving, by half about the third axis: RAS to LPS or back.

    Whoever writes or reads a file of ITK turns once more, so that points are left as they are.
    """
    return compose(*(_turned(link) for link in links(transform)))


def as_text(worlds: Worlds) -> str:
    """Write two worlds as the text that a file keeps."""
    fixed, moving = (asdict(each) for each in worlds)
    return json.dumps({"fixed": fixed, "moving": moving}, sort_keys=True)


def worlds_in(path: Path) -> Worlds | None:
    """Read the worlds that a file of ITK connects; None where it names none: they are RAS+ mm.

    Raises
    ------
    InputError
        If what it says cannot be understood.
    """
    h5py = require("h5py", extra="all")
    with h5py.File(path, "r") as file:
        if KEY not in file:
            return None
        said: Any = file[KEY][0]
    try:
        known = json.loads(said)
        return World(**known["fixed"]), World(**known["moving"])
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{display_name(path)}: does not say in a way that is understood in which worlds it "
            "lies; it is damaged"
        ) from error


def between_worlds(transform: Transform, worlds: Worlds) -> Transform:
    """Turn a transform back that was read, fixed to moving, between the worlds of its file."""
    fixed, moving = worlds
    parts = [
        replace(link, grid=replace(link.grid, world=fixed))
        if isinstance(link, DisplacementField)
        else link
        for link in links(swap_ras_and_lps(transform))
    ]
    return compose(*parts).between(fixed, moving)


def _turned(link: Transform) -> Transform:
    if isinstance(link, Affine):
        return Affine(flip_xy(link.matrix))
    if isinstance(link, DisplacementField):
        grid = link.grid
        there = grid.placed(grid.shape, np.asarray(lps(grid.ndim) @ grid.affine))
        return DisplacementField(flip_components(link.u.clone()), there)
    raise InputError(f"a {type(link).__name__} cannot be written; sample it as a field first")
