"""How an affine and a displacement field are laid out in an X5 file, as nitransforms does it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from regkit.errors import require
from regkit.io.hdf5_file import new_hdf5
from regkit.io.transform_format import ImagePair, Writers
from regkit.io.voxels import read_back_error
from regkit.transforms import Affine, DisplacementField


def x5_writers(transform: Affine | DisplacementField, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write a transform, fixed to moving, as X5.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    fill = _put_matrix if isinstance(transform, Affine) else _put_field
    return partial(_write, fill, transform), partial(_verify, transform)


def _write(fill: Any, transform: Affine | DisplacementField, path: Path) -> None:
    with new_hdf5(path) as file:
        file.attrs["Format"], file.attrs["Version"] = "X5", np.uint16(1)
        group = file.create_group("TransformGroup/0")
        group.attrs["ArrayLength"] = 1
        fill(group, transform)


def _put_matrix(group: Any, transform: Affine) -> None:
    group.attrs["Type"], group.attrs["SubType"] = "linear", "affine"
    group.attrs["Representation"] = "matrix"
    _put(group, "Transform", transform.matrix)
    _put(group, "DimensionKinds", np.asarray(("space", "space", "space", "vector"), dtype="S"))


def _put_field(group: Any, transform: DisplacementField) -> None:
    group.attrs["Type"], group.attrs["SubType"] = "nonlinear", "densefield"
    group.attrs["Representation"] = "displacements"
    _put(group, "Transform", _stored(transform))
    _put(group, "DimensionKinds", np.asarray(("space", "space", "space", "vector"), dtype="S"))
    domain = group.create_group("Domain")
    domain.attrs["Coordinates"] = "cartesian"
    _put(domain, "Grid", np.uint8(1))
    _put(domain, "Size", np.asarray(transform.grid.shape))
    _put(domain, "Mapping", transform.grid.affine)


def _put(group: Any, name: str, values: Any) -> None:
    group.create_dataset(name, data=values, track_times=False)


def _stored(transform: Affine | DisplacementField) -> Any:
    if isinstance(transform, Affine):
        return transform.matrix
    return transform.u.detach().cpu().movedim(0, -1).contiguous().numpy()


def _verify(transform: Affine | DisplacementField, path: Path) -> None:
    h5py = require("h5py", extra="all")
    with h5py.File(path, "r") as file:
        if not np.array_equal(file["TransformGroup/0/Transform"][:], _stored(transform)):
            raise read_back_error(path)
