"""Displacement fields of FSL: those of FNIRT and convertwarp, absolute and relative.

The kind is not in the file. It is told by which of the two is a map of one body to another.
convertwarp and fslpy go by the spread of the values, which is wrong where the two images are stored
along different axes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.io.fields import check_not_foreign_warp
from regkit.io.formats.nifti.warps import FSL_DISPLACEMENTS
from regkit.io.nifti_vectors import intent_of
from regkit.io.transform_format import ImagePair, TransformFormat
from regkit.io.transform_formats.frames import framed_field_writers, read_framed_field
from regkit.io.transform_formats.fsl import fsl_to_world
from regkit.transforms import Transform

_WHAT = "a field of FSL"
FslKind = Literal["absolute", "relative"]
# In octaves: what a body is stretched at most, and by how much two readings must differ.
_LARGEST, _CLEAR = 0.6, 0.3
_SOME = 20_000


def read_fsl_field(path: Path, pair: ImagePair, *, kind: FslKind | None = None) -> Transform:
    """Read a field of FSL, fixed (``--ref``) to moving (``--in``).

    Parameters
    ----------
    path
        The file.
    pair
        Both images; fixed may be missing where the field has its grid.
    kind
        Whether it holds displacements or positions; None has it found out.

    Raises
    ------
    InputError
        If it holds coefficients, is no field, may be absolute or relative alike, or moving is not
        given.
    """
    if not is_fsl_field(path):
        check_not_foreign_warp(path)
    relative = partial(_displacements, kind=kind)
    return read_framed_field(path, pair, frame=fsl_to_world, what=_WHAT, relative=relative)


def _displacements(values: Tensor, positions: Tensor, name: str, *, kind: FslKind | None) -> Tensor:
    """The displacements ``(3, i, j, k)``, whether the file holds them or positions."""
    if (kind or _kind_of(values, positions, name)) == "relative":
        return values
    return values.double() - positions


def _kind_of(values: Tensor, positions: Tensor, name: str) -> FslKind:
    stretch: dict[FslKind, float] = {
        "absolute": _stretch(values, positions),
        "relative": _stretch(values + positions, positions),
    }
    less, more = sorted(stretch, key=lambda each: stretch[each])
    if stretch[less] > _LARGEST or stretch[more] - stretch[less] < _CLEAR:
        raise InputError(
            f"{name}: may hold displacements or positions; say which: program='fsl-relative' or "
            "'fsl-absolute' (`regkit convert-transform --from`)"
        )
    return less


def _stretch(there: Tensor, here: Tensor) -> float:
    """How much the affine nearest to a map of points ``(3, i, j, k)`` stretches or shrinks.

    In octaves, along the axis where that is most. A map of one body to another does so by less than
    a half; displacements taken for positions collapse along an axis, positions taken for
    displacements double it.
    """
    x, y = (each.double().flatten(1)[:, :: 1 + each[0].numel() // _SOME] for each in (here, there))
    x, y = (each - each.mean(1, keepdim=True) for each in (x, y))
    linear = torch.linalg.lstsq(x.T, y.T).solution
    sizes = torch.linalg.svdvals(linear).clamp(min=1e-6)
    return float(sizes.log2().abs().max())


def is_fsl_field(path: Path) -> bool:
    """Tell whether a NIfTI file says that it is a displacement field of FSL."""
    return intent_of(path).code == FSL_DISPLACEMENTS.code


def _is_said_by_the_user(path: Path) -> bool:
    return False


FSL_FIELD = TransformFormat(
    "fsl", "FSL field", (".nii", ".nii.gz"), read_fsl_field,
    partial(framed_field_writers, frame=fsl_to_world, what=_WHAT, intent=FSL_DISPLACEMENTS),
    recognises=is_fsl_field,
)  # fmt: skip
FSL_ABSOLUTE, FSL_RELATIVE = (
    TransformFormat(
        f"fsl-{kind}", f"FSL field ({kind})", (".nii", ".nii.gz"),
        partial(read_fsl_field, kind=kind), recognises=_is_said_by_the_user,
    )
    for kind in ("absolute", "relative")
)  # fmt: skip
