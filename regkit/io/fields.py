"""Displacement fields as 5-D NIfTI with vector intent: those of ITK, ANTs, NiftyReg and SPM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from nibabel.nifti1 import Nifti1Header
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.formats.nifti.header import stored_dims
from regkit.io.formats.nifti.warps import (
    ITK_VECTORS,
    VECTOR_INTENTS,
    Vectors,
    foreign_warp,
    vectors_of,
)
from regkit.io.lps import vector_signs
from regkit.io.names import display_name
from regkit.io.nifti_vectors import stored_vectors, vector_header, vector_writers
from regkit.io.options import MAX_BYTES
from regkit.io.transform_format import TransformFormat, Writers
from regkit.transforms import DisplacementField


def read_field(path: Path, *, max_bytes: int = MAX_BYTES) -> DisplacementField:
    """Read a displacement field, fixed to moving, from a 5-D NIfTI file.

    Vectors are in LPS mm under intent 1007 (what ITK and ANTs write) and in RAS+ mm under intent
    1006, as ITK reads both; dense fields of NiftyReg and of SPM (``y_*.nii``) hold displacements or
    positions in RAS+ mm, and say so by their intent's name. The field that is returned is in RAS+
    mm.

    Raises
    ------
    InputError
        If the file is not such a field, or is damaged.
    """
    values, grid, header = stored_vectors(path, _spatial, max_bytes=max_bytes)
    return DisplacementField(_displacements(values, grid, vectors_of(header)), grid)


def field_writers(field: DisplacementField) -> Writers:
    """Prepare to write a field, fixed to moving, as 5-D NIfTI in LPS mm under intent 1007.

    Returns
    -------
    write, verify
        The first writes ``u`` to a path, the second checks what lies there.

    Raises
    ------
    InputError
        If the grid is sheared, which a header cannot say in both of its forms.
    """
    return vector_writers(_vectors(field), field.grid, ITK_VECTORS)


def lps_components(u: torch.Tensor) -> torch.Tensor:
    """Copy ``u (d, ...)`` to the CPU with its components in LPS instead of RAS+."""
    return flip_components(u.detach().cpu().clone(memory_format=torch.contiguous_format))


def _spatial(header: Nifti1Header, name: str) -> tuple[int, ...]:
    dims, intent = stored_dims(header, name), int(header["intent_code"])
    shape = "x".join(map(str, dims))
    warp = foreign_warp(header)
    if warp is not None:
        raise InputError(f"{name}: holds {warp[0]}; {warp[1]}")
    if intent not in VECTOR_INTENTS:
        raise InputError(
            f"{name}: is not a displacement field: its intent code is {intent} ({shape}); needed: "
            "1007 (vector) with 5 dimensions"
        )
    if len(dims) != 5 or dims[3] != 1 or dims[4] not in (2, 3):
        raise InputError(
            f"{name}: is not a displacement field: it has dimensions {shape}; needed: XxYxZx1x3 "
            "or XxYx1x1x2"
        )
    if dims[4] == 2 and dims[2] != 1:
        raise InputError(f"{name}: has vectors of 2 components on a 3-D grid ({shape})")
    return dims[: dims[4]]


def check_not_foreign_warp(path: Path) -> None:
    """Refuse a NIfTI file that holds a warp of a kind that is read otherwise, or not at all.

    Raises
    ------
    InputError
        If it does; the message names the warp.
    """
    warp = foreign_warp(vector_header(path))
    if warp is not None:
        raise InputError(f"{display_name(path)}: holds {warp[0]}; {warp[1]}")


def _displacements(values: torch.Tensor, grid: Grid, vectors: Vectors) -> torch.Tensor:
    """``u (d, *spatial)`` in RAS+ mm."""
    u = values.to(torch.float64) if vectors.positions else values
    if vectors.world == "LPS":
        flip_components(u)
    if vectors.positions:
        u = u - grid.world_points().movedim(-1, 0)
    return u.to(torch.float32)


def flip_components(u: torch.Tensor) -> torch.Tensor:
    """Turn ``u (d, ...)`` from LPS to RAS+, or back, in place."""
    for component, sign in zip(u, vector_signs(len(u)), strict=True):
        if sign < 0:
            component.neg_()
    return u


def _vectors(field: DisplacementField) -> NDArray[Any]:
    """The array of the file, ``(i, j, k, 1, d)`` with the first axis fastest."""
    backwards = (0, *range(field.ndim, 0, -1))
    data = np.transpose(lps_components(field.u).permute(backwards).contiguous().numpy())
    spatial = (*field.grid.shape, 1)[:3]
    return data.reshape(*spatial, 1, field.ndim, order="F")


NIFTI_FIELD = TransformFormat(
    "itk",
    "NIfTI field",
    (".nii", ".nii.gz"),
    lambda path, pair: read_field(path),
    lambda field, path, pair: field_writers(field),
    (DisplacementField, "a displacement field"),
    sampled=True,
    dimensions=(2, 3),
)
