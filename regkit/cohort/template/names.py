"""Names of the files that a template leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from regkit.runs.outputs import RECORD
from regkit.runs.register.names import stem

TEMPLATE = "template.nii.gz"
ITERATIONS = "iterations.csv"
TEMPLATE_REPORT = "report.html"


def member_names(images: Sequence[Path]) -> list[str]:
    """Name each image after its file; after its folder too where two files have one name.

    Examples
    --------
    >>> member_names([Path("a/t1.nii"), Path("b/t1.nii.gz"), Path("b/t2.nii")])
    ['a_t1', 'b_t1', 't2']
    """
    short = [stem(path) for path in images]
    names = [
        f"{path.absolute().parent.name}_{name}" if count > 1 else name
        for path, name, count in zip(images, short, _times(short), strict=True)
    ]
    return [
        f"{name}_{number}" if count > 1 else name
        for number, (name, count) in enumerate(zip(names, _times(names), strict=True), start=1)
    ]


def output_names(names: Sequence[str]) -> tuple[str, ...]:
    """List the files of a template whose images have these names, the record last."""
    pairs = [each for name in names for each in (transform_name(name), inverse_name(name))]
    return (TEMPLATE, *pairs, ITERATIONS, TEMPLATE_REPORT, RECORD)


def transform_name(name: str) -> str:
    """Name the file of the transform from points of the template to points of an image."""
    return f"{name}_transform.h5"


def inverse_name(name: str) -> str:
    """Name the file of the transform from points of an image to points of the template."""
    return f"{name}_inverse.h5"


def _times(names: Sequence[str]) -> list[int]:
    counts = Counter(name.casefold() for name in names)
    return [counts[name.casefold()] for name in names]
