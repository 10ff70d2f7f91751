"""Where the image of a series lies: in a NIfTI file, or in the files of its DICOM slices."""

from __future__ import annotations

from pathlib import Path


def image_of_series(folder: Path) -> Path | None:
    """Return the NIfTI of a series, else its folder of DICOM files; None where it holds neither.

    Parameters
    ----------
    folder
        Of one series. Files of DICOM need no ending.
    """
    nifti = next(iter(sorted(folder.glob("*.nii*"))), None)
    if nifti is not None:
        return nifti
    holds_files = folder.is_dir() and any(each.is_file() for each in folder.iterdir())
    return folder if holds_files else None
