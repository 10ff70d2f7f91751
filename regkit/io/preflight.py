"""Look at a file before its voxels are read, and refuse what would go wrong later."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from regkit.errors import InputError
from regkit.io.formats import READABLE, check_content, display_name, sniff
from regkit.io.header import Header
from regkit.io.reading import AS_STORED, Reading


def preflight(path: str | Path, reading: Reading = AS_STORED) -> Header:
    """Check an image file by its header alone.

    Nothing is repaired: what would change the anatomy is refused, and the message names the
    argument that allows it.

    Parameters
    ----------
    path
        A single-file NIfTI, NRRD or MetaImage.
    reading
        What is allowed, and which frame and channel are meant.

    Returns
    -------
    Header
        With the grid in RAS+ mm.

    Raises
    ------
    InputError
        If the file is missing, not regular, empty, cut, damaged, of an unsupported kind, or has
        a header that cannot be trusted.

    Examples
    --------
    >>> preflight("nowhere.nii.gz")
    Traceback (most recent call last):
    regkit.errors.InputError: nowhere.nii.gz: not found; check the path
    """
    place = Path(path)
    check_regular(place)
    content = sniff(place)
    kind = check_content(place, content)
    if kind == "NIfTI":
        from regkit.io.nifti_header import nifti_header

        return nifti_header(place, compressed=content.compressed, reading=reading)
    from regkit.io.itk import itk_header

    return itk_header(place, kind, reading)


def check_regular(path: Path) -> None:
    """Refuse what is not there, not a regular file, or empty.

    Raises
    ------
    InputError
        With what it is instead.
    """
    name = display_name(path)
    try:
        status = path.stat()
    except PermissionError as error:
        raise InputError(f"{name}: no permission to read it; change its mode or owner") from error
    except (OSError, ValueError) as error:
        broken = "a link to a file that is not there" if os.path.islink(path) else "not found"
        raise InputError(f"{name}: {broken}; check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(
            f"{name}: is a directory; readable are the files {', '.join(READABLE)}. Convert "
            "DICOM series with dcm2niix"
        )
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{name}: is not a regular file; copy it to one")
    if status.st_size == 0:
        raise InputError(f"{name}: is empty (0 bytes); copy the file again")
