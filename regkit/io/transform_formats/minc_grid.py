"""Grids of displacements that an .xfm names: vectors in RAS+ mm, in a MINC file beside it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.formats.minc import open_minc, vector_axis
from regkit.io.header_checks import check_affine, check_claim, check_dims
from regkit.io.names import display_name
from regkit.io.nifti_vectors import check_vectors
from regkit.io.options import MAX_BYTES
from regkit.io.preflight import check_regular
from regkit.io.sizes import product
from regkit.transforms.cubic_field import CubicField


def read_named_grid(named: str, xfm: Path) -> CubicField:
    """Read the grid that an .xfm names, from the file of that name beside it.

    Parameters
    ----------
    named
        The file as the .xfm names it. Its folder is not followed.
    xfm
        The .xfm.

    Returns
    -------
    CubicField
        What the grid holds: source to target.

    Raises
    ------
    InputError
        If it is not there, holds no vectors, or is damaged.
    """
    path = xfm.parent / re.split(r"[/\\]", named.strip())[-1]
    if not path.is_file():
        raise InputError(
            f"{display_name(xfm)}: its grid is in {path.name[:80]!a}, which is not beside it; copy "
            "it there"
        )
    check_regular(path)
    return _read_grid(path)


def _read_grid(path: Path) -> CubicField:
    name = display_name(path)
    with open_minc(path, name) as file:
        shape, axis = tuple(map(int, file.get_data_shape())), vector_axis(file)
        if axis is None or len(shape) != 4 or shape[axis] != 3:
            raise InputError(
                f"{name}: holds {'x'.join(map(str, shape))} values; the grid of an .xfm has three "
                "axes and a vector of 3 at every node"
            )
        found = path.stat().st_size
        check_claim(name, product(shape) * 4, found, compressed=True, max_bytes=MAX_BYTES)
        affine, values = np.array(file.get_affine()), np.asarray(file.get_scaled_data())
    dims = tuple(n for at, n in enumerate(shape) if at != axis)
    check_dims(name, dims)
    check_affine(name, affine)
    native = np.moveaxis(values.astype(values.dtype.newbyteorder("=")), axis, 0).copy()
    # By torch, which does not warn of what check_vectors refuses.
    return CubicField(check_vectors(name, torch.from_numpy(native).double()), Grid(dims, affine))
