"""FreeSurfer's linear transforms: LTA of both kinds, and register.dat of tkregister.

An LTA leads from its source, which is moving, to its destination, which is fixed: it is inverted
here. A register.dat leads from the target, which is fixed, to the movable volume.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.names import display_name
from regkit.io.transform_format import ImagePair, PlacedImage, TransformFormat, Writers
from regkit.io.transform_formats.freesurfer_geometry import (
    parse_volume_block,
    tkregister_to_index,
    volume_block,
)
from regkit.io.transform_formats.text import (
    first_text,
    matrix_rows,
    parse_affine,
    read_small_text,
    text_writers,
)
from regkit.transforms import Affine

_VOXELS, _RAS = 0, 1
_TITLE = re.compile(r"^\s*type\s*=\s*(\d+)", flags=re.MULTILINE)
_MATRIX = re.compile(r"^\s*1\s+4\s+4\s*\n((?:[^\n]*\n){4})", flags=re.MULTILINE)
_BLOCKS = re.compile(r"^\s*src volume info(.*?)^\s*dst volume info(.*)", flags=re.M | re.S)
_APART = 0.1  # mm between the corners of an image and of what an LTA says of it
_DAT = "a register.dat"


def read_lta(path: Path, pair: ImagePair) -> Affine:
    """Read an LTA as an affine, fixed (its dst) to moving (its src).

    Images that are given are compared with the volumes of the file.

    Raises
    ------
    InputError
        If it is cut, of another kind, holds several transforms, or is not of these images.
    """
    name, text = display_name(path), read_small_text(path)
    kind, matrix, blocks = _TITLE.search(text), _MATRIX.search(text), _BLOCKS.search(text)
    if kind is None or matrix is None or blocks is None:
        raise InputError(f"{name}: lacks the type, matrix or volumes of an LTA; it is cut")
    if (count := re.search(r"^\s*nxforms\s*=\s*(\d+)", text, flags=re.M)) and count[1] != "1":
        raise InputError(f"{name}: holds {count[1]} transforms; allowed: 1. Concatenate them")
    moving, fixed = (parse_volume_block(blocks[n], name, ("src", "dst")[n - 1]) for n in (1, 2))
    _check_images(name, pair, fixed, moving)
    stored = parse_affine(matrix[1], 4, name, "its matrix")
    if int(kind[1]) == _RAS:
        return Affine(stored).inverse()
    if int(kind[1]) == _VOXELS:
        return Affine(moving.affine @ np.linalg.inv(stored) @ fixed.inverse_affine)
    raise InputError(
        f"{name}: is an LTA of type {kind[1]}; allowed: 0 (voxels) and 1 (RAS). Convert it with "
        "lta_convert --ltavox2vox"
    )


def _check_images(name: str, pair: ImagePair, fixed: Grid, moving: Grid) -> None:
    """Refuse images that are not those of the LTA, above all the other way round."""
    ends = ((pair.fixed, fixed, moving, "dst"), (pair.moving, moving, fixed, "src"))
    for image, own, other, label in ends:
        if image is None or _same(image.grid, own):
            continue
        turned = "; fixed and moving are the wrong way round" * _same(image.grid, other)
        raise InputError(
            f"{name}: {image.name} is not the {label} volume of this LTA (fixed is its dst, moving "
            f"its src){turned}"
        )


def _same(one: Grid, other: Grid) -> bool:
    return one.shape == other.shape and bool(np.abs(one.corners() - other.corners()).max() < _APART)


def lta_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving, as an LTA in RAS, moving to fixed.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    grids = pair.both(path, "an LTA")
    fixed, moving = (
        PlacedImage(image.name if image else "", grid)
        for image, grid in zip((pair.fixed, pair.moving), grids, strict=True)
    )
    text = (
        f"type      = {_RAS} # LINEAR_RAS_TO_RAS\nnxforms   = 1\n"
        "mean      = 0.0000 0.0000 0.0000\nsigma     = 1.0000\n1 4 4\n"
        f"{matrix_rows(transform.inverse().matrix)}"
        f"src volume info\n{volume_block(moving)}dst volume info\n{volume_block(fixed)}"
    )
    return text_writers(text, transform, read_lta, pair)


def read_register_dat(path: Path, pair: ImagePair) -> Affine:
    """Read a register.dat as an affine, fixed (its target) to moving (the movable volume).

    Raises
    ------
    InputError
        If it is cut, or an image is not given.
    """
    name = display_name(path)
    fixed, moving = pair.both(path, _DAT)
    rows = read_small_text(path).splitlines()
    if len(rows) < 8:
        raise InputError(f"{name}: has {len(rows)} lines; a register.dat has 8. It is cut")
    stored = parse_affine("\n".join(rows[4:8]), 4, name, "its matrix")
    return Affine(
        moving.affine
        @ tkregister_to_index(moving)
        @ stored
        @ np.linalg.inv(fixed.affine @ tkregister_to_index(fixed))
    )


def register_dat_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving (target to movable), as a register.dat.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    fixed, moving = pair.both(path, _DAT)
    stored = (
        np.linalg.inv(moving.affine @ tkregister_to_index(moving))
        @ transform.matrix
        @ fixed.affine
        @ tkregister_to_index(fixed)
    )
    sizes = f"{moving.spacing[0]:.6f}\n{moving.spacing[2]:.6f}\n"
    text = f"subject\n{sizes}0.150000\n{matrix_rows(stored)}round\n"
    return text_writers(text, transform, read_register_dat, pair)


FREESURFER_LTA = TransformFormat(
    "freesurfer", "FreeSurfer LTA", (".lta",), read_lta, lta_writers, (Affine, "an Affine"),
    lambda path: _TITLE.search(first_text(path)) is not None,
)  # fmt: skip
FREESURFER_DAT = TransformFormat(
    "freesurfer", "FreeSurfer register.dat", (".dat",), read_register_dat, register_dat_writers,
    (Affine, "an Affine"),
)  # fmt: skip
