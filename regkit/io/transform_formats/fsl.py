"""Matrices of FSL's FLIRT.

A matrix of FLIRT maps points of moving to points of fixed, in coordinates of FSL's own: index times
voxel size, with the first axis turned round where the image is stored right-handed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.names import display_name
from regkit.io.transform_format import ImagePair, TransformFormat, Writers
from regkit.io.transform_formats.text import (
    is_bare_matrix,
    matrix_rows,
    parse_affine,
    read_small_text,
    text_writers,
)
from regkit.transforms import Affine

_WHAT = "a matrix of FSL"


def fsl_to_world(grid: Grid) -> Matrix:
    """Return the matrix ``(4, 4)`` that takes FSL's coordinates of an image to RAS+ mm."""
    scale = homogeneous(np.diag(grid.spacing), np.zeros(3))
    if np.linalg.det(grid.affine[:3, :3]) > 0:
        scale[0, 0] *= -1
        scale[0, 3] = (grid.shape[0] - 1) * grid.spacing[0]
    out: Matrix = grid.affine @ np.linalg.inv(scale)
    return out


def read_flirt(path: Path, pair: ImagePair) -> Affine:
    """Read a matrix of FLIRT as an affine, fixed (``-ref``) to moving (``-in``).

    Raises
    ------
    InputError
        If it is no matrix, or an image is not given.
    """
    fixed, moving = pair.both(path, _WHAT)
    stored = parse_affine(read_small_text(path), 4, display_name(path), "a 4x4 matrix")
    return Affine(fsl_to_world(moving) @ np.linalg.inv(fsl_to_world(fixed) @ stored))


def flirt_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving (``-ref`` to ``-in``), as FLIRT does.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    fixed, moving = pair.both(path, _WHAT)
    ahead = np.linalg.inv(fsl_to_world(moving)) @ transform.matrix @ fsl_to_world(fixed)
    back = Affine(ahead).inverse().matrix
    return text_writers(matrix_rows(back), transform, read_flirt, pair)


FSL_MATRIX = TransformFormat(
    "fsl", "FSL matrix", (".mat", ".txt"), read_flirt, flirt_writers, (Affine, "an Affine"),
    is_bare_matrix,
)  # fmt: skip
