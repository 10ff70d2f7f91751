"""Names of the files that a registration writes."""

from __future__ import annotations

import os
from pathlib import Path

FILES = ("warped.nii.gz", "transform.h5", "inverse.h5", "jacobian.nii.gz", "report.html")
STRUCTURES = "structures.csv"


def stem(path: Path) -> str:
    """Return the file name without its image extension.

    Examples
    --------
    >>> stem(Path("a/head.nii.gz")), stem(Path("scan.2.mha"))
    ('head', 'scan.2')
    """
    name = Path(os.path.abspath(path)).name.removesuffix(".gz")
    return Path(name).stem


def warped_name(labels: Path) -> str:
    """Name the file of warped labels.

    Examples
    --------
    >>> warped_name(Path("a/lobes.nrrd"))
    'warped_lobes.nii.gz'
    """
    return f"warped_{stem(labels)}.nii.gz"
