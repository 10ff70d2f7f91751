"""X5, the exchange format of the neuroimaging community, as nitransforms writes it: an HDF5 file.

Its linear transforms are matrices in RAS+ mm from the reference, which is fixed, to moving.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from regkit.errors import InputError, require
from regkit.geometry.affines import Matrix
from regkit.io.hdf5_file import new_hdf5
from regkit.io.hdf5_links import check_links
from regkit.io.names import display_name
from regkit.io.transform_format import ImagePair, TransformFormat, Writers
from regkit.io.transform_formats.text import check_read_back, usable_matrix
from regkit.transforms import Affine, Transform, compose

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_DEPTH = 5


def read_x5(path: Path, pair: ImagePair) -> Transform:
    """Read the linear transforms of an X5 file, fixed to moving.

    Of several the first is applied last, as nitransforms does with a list.

    Raises
    ------
    InputError
        If it is damaged, points into other files, or holds a transform that is not linear.
    """
    name = display_name(path)
    h5py = require("h5py", extra="all")
    if not _begins(path, _MAGIC):
        raise InputError(f"{name}: is not an X5 transform: it is not an HDF5 file")
    try:
        check_links(path, _MAX_DEPTH)
        with h5py.File(path, "r") as file:
            matrices = _matrices(file, name)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{name}: is not an X5 transform, or is damaged ({reason})") from error
    return compose(*(Affine(usable_matrix(matrix, name)) for matrix in matrices))


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _matrices(file: Any, name: str) -> list[Matrix]:
    if _text(file.attrs.get("Format", "")) != "X5":
        raise InputError(f"{name}: is not an X5 transform: its Format is not X5")
    groups = file["TransformGroup"]
    found = [_matrix(groups[key], name) for key in sorted(groups, key=int)]
    if not found:
        raise InputError(f"{name}: holds no transform")
    return found


def _matrix(group: Any, name: str) -> Matrix:
    kind, values = _text(group.attrs["Type"]), group["Transform"]
    if kind != "linear":
        raise InputError(
            f"{name}: holds a transform of type {kind:.40}, which is not read; allowed: linear. "
            "Write it in a format of ITK with nitransforms"
        )
    if values.shape != (4, 4):
        raise InputError(
            f"{name}: its matrix has shape {values.shape}; allowed: (4, 4), one transform"
        )
    return np.asarray(values[:], dtype=np.float64)


def x5_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving, as X5.

    Parameters
    ----------
    transform
        Fixed to moving.
    path, pair
        Not needed: the file depends on neither.

    Returns
    -------
    write, verify
        The first writes the file, the second checks what lies there.
    """
    return (
        lambda part: _write(transform.matrix, part),
        lambda part: check_read_back(transform, read_x5, pair, part),
    )


def _write(matrix: Matrix, path: Path) -> None:
    with new_hdf5(path) as file:
        file.attrs["Format"], file.attrs["Version"] = "X5", np.uint16(1)
        group = file.create_group("TransformGroup/0")
        group.attrs["Type"], group.attrs["SubType"] = "linear", "affine"
        group.attrs["Representation"], group.attrs["ArrayLength"] = "matrix", 1
        group.create_dataset("Transform", data=matrix, track_times=False)
        kinds = np.asarray(("space", "space", "space", "vector"), dtype="S")
        group.create_dataset("DimensionKinds", data=kinds, track_times=False)


X5 = TransformFormat("x5", "X5", (".x5",), read_x5, x5_writers, (Affine, "an Affine"))
