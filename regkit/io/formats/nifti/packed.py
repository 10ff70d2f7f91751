"""A small volume as the bytes of a NIfTI file that a browser's viewer places right."""

from __future__ import annotations

import numpy as np
from isal import igzip
from nibabel.nifti1 import Nifti1Header
from torch import Tensor

from regkit.geometry.grid import Grid

_LABELS = "label"  # NIfTI's name of intent 1002
_UNITS = {"mm": "mm", "µm": "micron", "m": "meter"}
_SCANNER = 1  # the code of both forms
_NO_EXTENSION = bytes(4)
_LEVEL = 2


def packed_nifti(
    codes: Tensor, grid: Grid, *, scale: tuple[float, float] = (1.0, 0.0), labels: bool = False
) -> bytes:
    """Return a ``.nii.gz`` of one member.

    Its qform and sform are the same matrix under the same code: programs disagree which of two
    counts.

    Parameters
    ----------
    codes
        Stored values ``(i, j, k)``, or ``(i, j, k, t)`` of a series; uint8 or uint16.
    grid
        Where they lie, at right angles; in the units of its world.
    scale
        Slope and intercept that make values of codes.
    labels
        Whether codes name structures: intent 1002, or a viewer would mix their colours.

    Examples
    --------
    >>> import torch
    >>> packed = packed_nifti(torch.zeros(2, 2, 2, dtype=torch.uint8), Grid((2, 2, 2), np.eye(4)))
    >>> len(igzip.decompress(packed))
    360
    """
    array = codes.numpy()
    header = Nifti1Header()
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header.set_qform(grid.affine, _SCANNER)
    header.set_sform(header.get_qform(), _SCANNER)
    header.set_xyzt_units(_UNITS.get(grid.world.unit, "unknown"))
    header.set_slope_inter(*scale)
    header.set_data_offset(len(header.binaryblock) + len(_NO_EXTENSION))
    if labels:
        header.set_intent(_LABELS)
    raw = header.binaryblock + _NO_EXTENSION + np.asfortranarray(array).tobytes(order="F")
    return bytes(igzip.compress(raw, compresslevel=_LEVEL, mtime=0))
