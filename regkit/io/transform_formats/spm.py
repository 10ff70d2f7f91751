"""The .mat that SPM puts beside an image: where the image lies now, by one-based indices.

SPM aligns an image by giving it another place. The transform is the way back: from the place that
the .mat gives it, in the space of fixed, to that of the header of moving.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.names import display_name
from regkit.io.transform_format import ImagePair, TransformFormat, Writers
from regkit.io.transform_formats.text import check_read_back, usable_matrix
from regkit.transforms import Affine

_WHAT = "a .mat of SPM"
_MAX_BYTES = 1 << 20
_MATLAB_5 = b"MATLAB 5.0 MAT-file"
_ONE_BASED = homogeneous(np.eye(3), -np.ones(3))


def read_spm_mat(path: Path, pair: ImagePair) -> Affine:
    """Read the .mat of a moving image as an affine, fixed to moving.

    Raises
    ------
    InputError
        If it holds no matrix ``M``, or moving is not given.
    """
    moving = pair.needed("moving", path, _WHAT)
    placed = usable_matrix(_stored(path), display_name(path), "M") @ np.linalg.inv(_ONE_BASED)
    return Affine(moving.affine @ np.linalg.inv(placed))


def _stored(path: Path) -> Matrix:
    from scipy.io import loadmat

    name = display_name(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{name}: is larger than {_MAX_BYTES} bytes, which no .mat of SPM is")
    try:
        held: Any = loadmat(path, variable_names=["M"])
    except Exception as error:  # scipy raises whatever a damaged file makes it do
        raise InputError(f"{name}: is not a file of Matlab, or is damaged") from error
    matrix = np.asarray(held.get("M"))
    if matrix.shape != (4, 4) or matrix.dtype.kind not in "fiu":
        raise InputError(f"{name}: has no 4x4 matrix M, as SPM writes beside an image")
    return matrix.astype(np.float64)


def spm_mat_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving, as the .mat of the moving image.

    Parameters
    ----------
    transform
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    path
        Where to; SPM looks for it beside the image, under its name.
    pair
        The moving image.
    """
    moving = pair.needed("moving", path, _WHAT)
    matrix = transform.inverse().matrix @ moving.affine @ _ONE_BASED
    return (
        lambda part: part.write_bytes(_matlab_4("M", matrix)),
        lambda part: check_read_back(transform, read_spm_mat, pair, part),
    )


def _matlab_4(name: str, matrix: Matrix) -> bytes:
    """A file of Matlab 4, which unlike those of Matlab 5 holds no date."""
    head = struct.pack("<5i", 0, *matrix.shape, 0, len(name) + 1)
    return head + name.encode() + b"\0" + matrix.astype("<f8").tobytes("F")


def _is_spm_mat(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(64)
    return start.startswith(_MATLAB_5) or start[20:22] == b"M\0"


SPM_MAT = TransformFormat(
    "spm", "SPM .mat", (".mat",), read_spm_mat, spm_mat_writers, (Affine, "an Affine"), _is_spm_mat
)
