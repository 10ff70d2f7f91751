"""Names of files, as messages say them and as formats read them."""

from __future__ import annotations

from pathlib import Path


def display_name(path: str | Path) -> str:
    r"""The base name of a file, on one line, as messages and volumes call it.

    Examples
    --------
    >>> display_name("/data/two\nlines.nii")
    'two\\nlines.nii'
    """
    return display_path(Path(path).name or path)


def display_path(path: str | Path) -> str:
    """A path on one line."""
    name = str(path)
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def extension(path: str | Path) -> str:
    """The lower-case extension, in which ``.nii.gz`` counts as one.

    Examples
    --------
    >>> extension("a.b.NII.GZ"), extension("a.b.h5")
    ('.nii.gz', '.h5')
    """
    suffixes = Path(path).suffixes
    joined = "".join(suffixes[-2:]).lower()
    return joined if joined == ".nii.gz" else (suffixes[-1].lower() if suffixes else "")
