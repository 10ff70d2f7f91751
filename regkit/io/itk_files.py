"""Transform files of ITK: .h5, .tfm, .txt and .mat."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.io.itk import itk_reason, simpleitk
from regkit.io.itk_hdf5 import hdf5_transforms, stored_bytes, verify_hdf5, write_hdf5
from regkit.io.itk_transforms import transform_from_sitk, transform_to_sitk
from regkit.io.itk_writing import write_with
from regkit.io.map_worlds import (
    KEY,
    as_text,
    between_worlds,
    map_worlds,
    swap_ras_and_lps,
    worlds_in,
)
from regkit.io.names import display_name, extension
from regkit.io.transform_files import HDF5, MATLAB, TEXT, declared_types
from regkit.io.transform_format import UNKNOWN_PAIR, ImagePair, TransformFormat, Writers
from regkit.io.voxels import read_back_error
from regkit.transforms import Affine, Transform


def read_itk_transform(path: Path, pair: ImagePair = UNKNOWN_PAIR) -> Transform:
    """Read the transform in a file of ITK, fixed to moving, once what it declares is checked.

    Parameters
    ----------
    path
        The file.
    pair
        Not needed: these files depend on no image.

    Raises
    ------
    InputError
        If it is damaged, points into other files, or holds an unsupported kind.
    """
    types = declared_types(path, extension(path))
    try:
        itk = simpleitk().ReadTransform(str(path))
    except (RuntimeError, UnicodeDecodeError, KeyError) as error:
        raise InputError(
            f"{display_name(path)}: holds {', '.join(types[:3])}, which cannot be read "
            f"({itk_reason(error)}); allowed: affine kinds, B-splines, fields and composites of "
            "them"
        ) from error
    found = transform_from_sitk(itk, display_name(path))
    worlds = worlds_in(path) if extension(path) in HDF5 else None
    return found if worlds is None else between_worlds(found, worlds)


def hdf5_writers(transform: Transform, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write a transform, fixed to moving, as an ITK composite in HDF5.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.

    Raises
    ------
    InputError
        If a part is of a type that ITK has no name for.
    """
    worlds = map_worlds(transform)
    parts = hdf5_transforms(transform if worlds is None else swap_ras_and_lps(transform))
    more = {} if worlds is None else {"more": {KEY: as_text(worlds)}}
    needed = stored_bytes(parts)
    return (
        lambda path: write_with(lambda: write_hdf5(parts, path, **more), path, needed),
        lambda path: verify_hdf5(parts, path),
    )


def affine_writers(transform: Affine, path: Path, pair: ImagePair) -> Writers:
    """Prepare to write an affine, fixed to moving, as a transform file of ITK.

    Parameters
    ----------
    transform, path, pair
        As of :attr:`regkit.io.transform_format.TransformFormat.writers`.
    """
    itk = transform_to_sitk(transform)
    return (
        lambda path: write_with(lambda: simpleitk().WriteTransform(itk, str(path)), path, 0),
        partial(_verify_affine, transform),
    )


def _verify_affine(transform: Affine, path: Path) -> None:
    found = read_itk_transform(path)
    if not isinstance(found, Affine) or not np.allclose(
        found.matrix, transform.matrix, rtol=1e-9, atol=1e-9
    ):
        raise read_back_error(path)


ITK_HDF5 = TransformFormat(
    "itk", "ITK HDF5", HDF5, read_itk_transform, hdf5_writers, dimensions=(2, 3)
)
ITK_TEXT = TransformFormat(
    "itk", "ITK text", TEXT, read_itk_transform, affine_writers, (Affine, "an Affine"),
    dimensions=(2, 3),
)  # fmt: skip
ITK_MATLAB = TransformFormat(
    "itk", "ITK Matlab", MATLAB, read_itk_transform, affine_writers, (Affine, "an Affine"),
    dimensions=(2, 3),
)  # fmt: skip
