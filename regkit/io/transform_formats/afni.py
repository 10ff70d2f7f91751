"""Matrices of AFNI's 3dAllineate: .aff12.1D, fixed (base) to moving (source), in LPS mm.

AFNI's coordinates of an oblique image are those of the same image with its axes laid straight:
voxel (0, 0, 0) stays, and each axis takes the nearest direction of the body.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous
from regkit.geometry.orientation import axis_directions
from regkit.io.lps import lps
from regkit.io.names import display_name
from regkit.io.transform_format import ImagePair, TransformFormat, Writers
from regkit.io.transform_formats.text import (
    matrix_rows,
    parse_affine,
    read_small_text,
    text_writers,
)
from regkit.transforms import Affine

_WHAT = "a matrix of AFNI"
_TITLE = "# 3dAllineate matrices (DICOM-to-DICOM, row-by-row):"
_COMMENT = re.compile(r"#[^\n]*")


def straight_affine(grid: Grid) -> Matrix:
    """Return the affine ``(4, 4)``, index to RAS+ mm, by which AFNI places an image."""
    linear = np.zeros((3, 3))
    for axis, (world, sign) in enumerate(axis_directions(grid.affine)):
        linear[world, axis] = sign * grid.spacing[axis]
    return homogeneous(linear, grid.affine[:3, 3])


def afni_to_world(grid: Grid) -> Matrix:
    """Return the matrix ``(4, 4)`` that takes AFNI's LPS coordinates of an image to RAS+ mm."""
    out: Matrix = grid.affine @ np.linalg.inv(lps(3) @ straight_affine(grid))
    return out


def read_1d(path: Path, pair: ImagePair) -> Affine:
    """Read one matrix of AFNI as an affine, fixed (base) to moving (source).

    Raises
    ------
    InputError
        If it is cut, holds the matrices of a series, or an image is not given.
    """
    name, whole = display_name(path), read_small_text(path)
    fixed, moving = pair.both(path, _WHAT)
    # Every program ends its last line; without that, the last number may have lost digits.
    if not whole.endswith("\n"):
        raise InputError(f"{name}: its last line does not end; the file is cut")
    text = _COMMENT.sub("", whole)
    count, rest = divmod(len(text.split()), 12)
    if count > 1 and not rest:
        raise InputError(f"{name}: holds {count} matrices, of a series; give a file with one")
    stored = parse_affine(text, 3, name, "a matrix of 3 x 4")
    return Affine(afni_to_world(moving) @ stored @ np.linalg.inv(afni_to_world(fixed)))


def afni_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving (base to source), as 3dAllineate does.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    fixed, moving = pair.both(path, _WHAT)
    stored = np.linalg.inv(afni_to_world(moving)) @ transform.matrix @ afni_to_world(fixed)
    row = matrix_rows(stored[:3].reshape(1, 12))
    return text_writers(f"{_TITLE}\n{row}", transform, read_1d, pair)


AFNI_1D = TransformFormat(
    "afni", "AFNI matrix", (".1d",), read_1d, afni_writers, (Affine, "an Affine")
)
