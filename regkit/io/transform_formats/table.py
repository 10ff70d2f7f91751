"""The table of transform formats: whose file is it, by its extension, its content and the user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from regkit.errors import InputError
from regkit.io.fields import NIFTI_FIELD
from regkit.io.itk_fields import ITK_FIELD
from regkit.io.itk_files import ITK_HDF5, ITK_MATLAB, ITK_TEXT
from regkit.io.names import display_name, extension
from regkit.io.transform_format import TransformFormat
from regkit.io.transform_formats.afni import AFNI_1D
from regkit.io.transform_formats.afni_field import AFNI_FIELD
from regkit.io.transform_formats.dicom_registration import DICOM_REGISTRATION
from regkit.io.transform_formats.elastix import ELASTIX
from regkit.io.transform_formats.freesurfer import FREESURFER_DAT, FREESURFER_LTA
from regkit.io.transform_formats.freesurfer_warp import FREESURFER_WARP
from regkit.io.transform_formats.fsl import FSL_MATRIX
from regkit.io.transform_formats.fsl_coefficients import FSL_COEFFICIENTS
from regkit.io.transform_formats.fsl_field import FSL_ABSOLUTE, FSL_FIELD, FSL_RELATIVE
from regkit.io.transform_formats.minc import MINC_XFM
from regkit.io.transform_formats.niftyreg import NIFTYREG_SPLINE
from regkit.io.transform_formats.niftyreg_velocity import NIFTYREG_VELOCITY
from regkit.io.transform_formats.positions import NIFTYREG_FIELD, SPM_FIELD
from regkit.io.transform_formats.ras_matrix import GREEDY_MATRIX, NIFTYREG_MATRIX
from regkit.io.transform_formats.spm import SPM_MAT
from regkit.io.transform_formats.x5 import X5

# Of several rows with one extension the first one is written, and read where nothing else fits.
TABLE = (
    ITK_HDF5, ITK_TEXT, ITK_MATLAB, NIFTI_FIELD, ITK_FIELD,
    FSL_MATRIX, GREEDY_MATRIX, NIFTYREG_MATRIX, SPM_MAT, ELASTIX,
    FREESURFER_LTA, FREESURFER_DAT, AFNI_1D, MINC_XFM, X5,
    FSL_FIELD, FSL_ABSOLUTE, FSL_RELATIVE, NIFTYREG_FIELD, SPM_FIELD, AFNI_FIELD,
    FSL_COEFFICIENTS, NIFTYREG_SPLINE, NIFTYREG_VELOCITY, FREESURFER_WARP, DICOM_REGISTRATION,
)  # fmt: skip

_CONVERT = {
    ".m3z": "a morph of FreeSurfer is neither read nor written; make it a warp with "
    "`mri_warp_convert --inm3z IN --outmgzwarp OUT.mgz`",
}


def transform_programs() -> tuple[str, ...]:
    """List the words by which users name whose transform file one is."""
    return tuple(dict.fromkeys(each.program for each in TABLE))


def readable_format(path: Path, program: str | None) -> TransformFormat:
    """Find out of which format a transform file is.

    Parameters
    ----------
    path
        A file that is there.
    program
        Whose it is, where the user says so.

    Raises
    ------
    InputError
        If no format has its extension, or several write such a file and the user did not say whose
        it is.
    """
    rows = _rows(path, program, TABLE, "readable")
    fitting = [row for row in rows if row.recognises is not None and row.recognises(path)]
    if len(fitting) > 1:
        programs = _listed(row.program for row in fitting)
        raise InputError(
            f"{display_name(path)}: holds what {programs} write alike and mean differently; say "
            f"whose it is: program={fitting[0].program!r} (on the command line --from "
            f"{fitting[0].program})"
        )
    return fitting[0] if fitting else next((r for r in rows if r.recognises is None), rows[0])


def writable_format(path: Path, program: str | None) -> TransformFormat:
    """Find the format in which a transform is written under this name.

    Parameters
    ----------
    path
        The name.
    program
        For which program; the first one of the table that has its extension if none is given.

    Raises
    ------
    InputError
        If there is none.
    """
    writable = [row for row in TABLE if row.writers is not None]
    return _rows(path, program, writable, "writable")[0]


def _rows(
    path: Path, program: str | None, table: Sequence[TransformFormat], how: str
) -> list[TransformFormat]:
    """The rows of a program, if one is named, that have the extension of a file."""
    if program is not None and program not in transform_programs():
        raise InputError(f"{program!r:.40} is no program; allowed: {_listed(transform_programs())}")
    own = [row for row in table if program in (None, row.program)]
    found = [row for row in own if extension(path) in row.suffixes]
    if not found:
        if extension(path) in _CONVERT:
            raise InputError(f"{display_name(path)}: {_CONVERT[extension(path)]}")
        suffixes = _listed(suffix for row in own for suffix in row.suffixes)
        whose = f" of {program}" if program else ""
        raise InputError(
            f"{display_name(path)}: {extension(path) or 'no extension'} is not a transform format"
            f"{whose}; {how}: {suffixes}"
        )
    return found


def _listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
