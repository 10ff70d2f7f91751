"""Bare 4x4 matrices in RAS+ mm, fixed to moving: those of greedy, c3d and NiftyReg."""

from __future__ import annotations

from pathlib import Path

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


def read_ras_matrix(path: Path, pair: ImagePair) -> Affine:
    """Read a matrix in RAS+ mm, fixed to moving.

    Raises
    ------
    InputError
        If it is no matrix.
    """
    return Affine(parse_affine(read_small_text(path), 4, display_name(path), "a 4x4 matrix"))


def ras_matrix_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving, as its matrix in RAS+ mm.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    return text_writers(matrix_rows(transform.matrix), transform, read_ras_matrix, pair)


GREEDY_MATRIX = TransformFormat(
    "greedy", "greedy matrix", (".mat", ".txt"), read_ras_matrix, ras_matrix_writers,
    (Affine, "an Affine"), is_bare_matrix,
)  # fmt: skip
NIFTYREG_MATRIX = TransformFormat(
    "niftyreg", "NiftyReg matrix", (".txt", ".mat"), read_ras_matrix, ras_matrix_writers,
    (Affine, "an Affine"), is_bare_matrix,
)  # fmt: skip
