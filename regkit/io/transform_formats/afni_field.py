"""Warps of AFNI's 3dQwarp: displacements in LPS mm of AFNI's own coordinates; see ``afni``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from torch import Tensor

from regkit.io.formats.nifti.warps import ITK_VECTORS
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.io.transform_formats.afni import afni_to_world
from regkit.io.transform_formats.frames import framed_field_writers, read_framed_field
from regkit.transforms import Transform

_WHAT = "a warp of AFNI"


def read_afni_field(path: Path, pair: ImagePair) -> Transform:
    """Read a warp of AFNI, fixed (base) to moving (source).

    Raises
    ------
    InputError
        If it is no field, or moving is not given.
    """
    return read_framed_field(path, pair, frame=afni_to_world, what=_WHAT, relative=_as_stored)


def _as_stored(values: Tensor, positions: Tensor, name: str) -> Tensor:
    return values


def _is_said_by_the_user(path: Path) -> bool:
    return False  # nothing in such a file tells it from a warp of ITK


AFNI_FIELD = TransformFormat(
    "afni", "AFNI warp", (".nii", ".nii.gz"), read_afni_field,
    partial(framed_field_writers, frame=afni_to_world, what=_WHAT, intent=ITK_VECTORS),
    recognises=_is_said_by_the_user,
)  # fmt: skip
