"""Displacement fields as 5-D NIfTI with vector intent: those of ITK, ANTs, NiftyReg and SPM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nibabel.nifti1 import Nifti1Header
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.formats.nifti.geometry import nifti_grid, unit_of
from regkit.io.formats.nifti.header import check_pixdim, layout_of, raw_header, stored_dims
from regkit.io.formats.nifti.voxels import read_layout, verify_image, write_image
from regkit.io.formats.nifti.warps import (
    ITK_VECTORS,
    VECTOR_INTENTS,
    Intent,
    Vectors,
    foreign_warp,
    intent_name,
    vectors_of,
)
from regkit.io.formats.table import recognise
from regkit.io.header_checks import check_affine, check_shear
from regkit.io.lps import vector_signs
from regkit.io.names import display_name
from regkit.io.options import MAX_BYTES
from regkit.io.streams import inside_gzip
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


def stored_vectors(
    path: Path, spatial: Callable[[Nifti1Header, str], tuple[int, ...]], *, max_bytes: int
) -> tuple[torch.Tensor, Grid, Nifti1Header]:
    """Read the vectors of a NIfTI file as they are stored.

    Parameters
    ----------
    path
        The file.
    spatial
        Given the header and the name of the file, the sizes of the grid; it refuses a file that
        holds no such vectors.
    max_bytes
        The most that they may take.

    Returns
    -------
    values, grid, header
        ``(d, *spatial)``, where they lie in RAS+ mm, and the header as it is stored.

    Raises
    ------
    InputError
        If the file is damaged or not in millimetres, or a value is not finite.
    """
    name, header = display_name(path), vector_header(path)
    sizes = spatial(header, name)
    check_pixdim(header, name, len(sizes))
    _check_unit(header, name)
    grid = nifti_grid(header, name, sizes)
    return stored_components(path, header, sizes, max_bytes=max_bytes), grid, header


def vector_header(path: Path) -> Nifti1Header:
    """Return the header of a NIfTI file of vectors, as it is stored.

    Raises
    ------
    InputError
        If the file is no NIfTI file.
    """
    recognise(path)
    return raw_header(path, compressed=inside_gzip(path))


def stored_components(
    path: Path, header: Nifti1Header, sizes: tuple[int, ...], *, max_bytes: int
) -> torch.Tensor:
    """Read the vectors of a NIfTI file, wherever its header places them.

    Parameters
    ----------
    path, header
        The file, and its header as it is stored.
    sizes
        Those of the spatial axes.
    max_bytes
        The most that the vectors may take.

    Returns
    -------
    Tensor
        ``(d, *sizes)``, in the order of the file.

    Raises
    ------
    InputError
        If the file is cut, holds other numbers than unscaled floats, or a value is not finite.
    """
    name = display_name(path)
    layout = layout_of(header, path, compressed=inside_gzip(path), max_bytes=max_bytes)
    if layout.dtype.kind != "f" or layout.slope is not None:
        raise InputError(f"{name}: a displacement field must hold unscaled float32 or float64")
    data = read_layout(path, name, layout, layout.dims, layout.offset)
    native = np.transpose(data).astype(data.dtype.newbyteorder("="))
    backwards = native.reshape(-1, *sizes[::-1])
    order = (0, *range(len(sizes), 0, -1))
    values = torch.from_numpy(backwards).permute(order).contiguous()
    check_vectors(name, values.to(torch.float32))  # in which large values become infinite
    return values


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


def vector_writers(data: NDArray[Any], grid: Grid, intent: Intent) -> Writers:
    """Prepare to write vectors as NIfTI.

    Parameters
    ----------
    data
        ``(i, j, k, d)`` or ``(i, j, k, 1, d)``, as the file is to have them.
    grid
        Where they lie.
    intent
        What the header says of them.

    Returns
    -------
    write, verify
        The first writes them to a path, the second checks what lies there.

    Raises
    ------
    InputError
        If the grid is sheared, which a header cannot say in both of its forms.
    """
    check_affine("displacement field", grid.affine)
    check_shear("displacement field", grid.affine, cure="write it to .h5")
    return (
        lambda path: write_image(data, grid, path, intent=intent),
        lambda path: verify_image(data, grid, path),
    )


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


def said_intent(path: Path) -> Intent:
    """Return what the header of a NIfTI file says of its values.

    Raises
    ------
    InputError
        If the file is no NIfTI file.
    """
    header = vector_header(path)
    return Intent(int(header["intent_code"]), intent_name(header), float(header["intent_p1"]))


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


def _check_unit(header: Nifti1Header, name: str) -> None:
    """Programs differ on whether the unit of the grid is also that of the vectors."""
    if unit_of(header, name) != 1:
        raise InputError(
            f"{name}: its grid is not in millimetres (xyzt_units), and its vectors may be or not; "
            "store both in millimetres"
        )


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


def check_vectors(name: str, u: torch.Tensor) -> torch.Tensor:
    """Refuse a displacement field with values that are not finite.

    Parameters
    ----------
    name
        The file, for messages.
    u
        Displacements ``(d, *spatial)``.

    Returns
    -------
    Tensor
        ``u`` itself.

    Raises
    ------
    InputError
        If a value is NaN or infinite; it says how many are.
    """
    low, high = torch.aminmax(u)
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        bad = int((~torch.isfinite(u)).sum())
        raise InputError(f"{name}: {bad} of {u.numel()} displacements are NaN or infinite")
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
