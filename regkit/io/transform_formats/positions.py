"""Fields of NiftyReg and SPM: positions in moving, in RAS+ mm, for each voxel of fixed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.io.fields import check_not_foreign_warp, read_field
from regkit.io.formats.nifti.warps import (
    NIFTYREG_POSITIONS,
    SPM_POSITIONS,
    Intent,
    foreign_warp,
    intent_name,
)
from regkit.io.names import display_name
from regkit.io.nifti_vectors import vector_header, vector_writers
from regkit.io.transform_format import ImagePair, TransformFormat, Writers
from regkit.transforms import DisplacementField


def _says(intent: Intent, path: Path) -> bool:
    """Whether the header of a file has the name of an intent, and no other kind under that name."""
    header = vector_header(path)
    return intent_name(header) == intent.name and foreign_warp(header) is None


def read_named_field(path: Path, pair: ImagePair, *, intent: Intent) -> DisplacementField:
    """Read a field, fixed to moving, that must say that it is of a program.

    Parameters
    ----------
    path
        The file.
    pair
        Not needed: such a file depends on no image.
    intent
        What its header must have.

    Raises
    ------
    InputError
        If it says something else, or is no field.
    """
    check_not_foreign_warp(path)
    if not _says(intent, path):
        raise InputError(
            f"{display_name(path)}: does not have the intent name {intent.name!r}, by which its "
            "program marks its fields; check which program wrote it"
        )
    return read_field(path)


def position_writers(
    field: DisplacementField, path: Path, pair: ImagePair, *, intent: Intent
) -> Writers:
    """Prepare to write a field, fixed to moving, as positions in RAS+ mm.

    Parameters
    ----------
    field
        Fixed to moving.
    path, pair
        Not needed: the file depends on neither.
    intent
        What the header says.

    Returns
    -------
    write, verify
        The first writes the field to a path, the second checks what lies there.
    """
    grid = field.grid
    there = grid.world_points() + field.u.movedim(0, -1).double()
    data = np.asfortranarray(there.numpy().astype(np.float32))
    return vector_writers(data.reshape(*grid.shape, 1, 3, order="F"), grid, intent)


def _row(program: str, name: str, intent: Intent) -> TransformFormat:
    return TransformFormat(
        program, name, (".nii", ".nii.gz"), partial(read_named_field, intent=intent),
        partial(position_writers, intent=intent), (DisplacementField, "a displacement field"),
        partial(_says, intent), sampled=True,
    )  # fmt: skip


NIFTYREG_FIELD = _row("niftyreg", "NiftyReg field", NIFTYREG_POSITIONS)
SPM_FIELD = _row("spm", "SPM field", SPM_POSITIONS)
