"""Vectors of the voxels of a NIfTI file, as they are stored."""

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
from regkit.io.formats.nifti.header import check_pixdim, layout_of, raw_header
from regkit.io.formats.nifti.voxels import read_layout, verify_image, write_image
from regkit.io.formats.nifti.warps import (
    Intent,
    intent_name,
)
from regkit.io.formats.table import recognise
from regkit.io.header_checks import check_affine, check_shear
from regkit.io.names import display_name
from regkit.io.streams import inside_gzip
from regkit.io.transform_format import Writers


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


def intent_of(path: Path) -> Intent:
    """Return what the header of a NIfTI file says of its values.

    Raises
    ------
    InputError
        If the file is no NIfTI file.
    """
    header = vector_header(path)
    return Intent(int(header["intent_code"]), intent_name(header), float(header["intent_p1"]))


def _check_unit(header: Nifti1Header, name: str) -> None:
    """Programs differ on whether the unit of the grid is also that of the vectors."""
    if unit_of(header, name) != 1:
        raise InputError(
            f"{name}: its grid is not in millimetres (xyzt_units), and its vectors may be or not; "
            "store both in millimetres"
        )


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
