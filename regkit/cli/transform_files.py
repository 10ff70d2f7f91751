"""How a command is told which transforms to take, and onto which grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regkit.errors import InputError


def transform_files(
    transforms: Sequence[Path], run: Path | None, to: str = "fixed"
) -> tuple[Path, ...]:
    """Return the files of transforms, as they were given or as a registration has them.

    Parameters
    ----------
    transforms
        In the order in which a point passes them.
    run
        The folder of a registration instead.
    to
        With ``run``: ``fixed`` for the transform from points of fixed to points of moving, which
        warps onto fixed, or ``moving`` for the other one.

    Raises
    ------
    InputError
        If both are given.
    """
    from regkit.runs.origin import transform_from

    if run is not None and transforms:
        raise InputError("TRANSFORM and --run both say how to warp; give one of them")
    return tuple(transforms) if run is None else (transform_from(run, to),)


def transform_files_and_grid(
    transforms: Sequence[Path], onto: Path | None, run: Path | None, to: str = "fixed"
) -> tuple[tuple[Path, ...], Path]:
    """Return the files of transforms, and the image on whose grid the result lies.

    Parameters
    ----------
    transforms, run, to
        As for :func:`transform_files`, which takes points of the result to the other image.
    onto
        The image; where it is left out, that of the registration.

    Raises
    ------
    InputError
        If one of them is missing.
    """
    from regkit.runs.origin import warped_by

    chain = transform_files(transforms, run, to)
    if not chain:
        raise InputError("there is no transform; give TRANSFORM, or the --run FOLDER that holds it")
    if onto is None and run is not None and to == "fixed":
        onto = warped_by(run)  # on the grid of fixed
    if onto is None:
        which = "the moving image of the run" if run else "an image with the grid of the result"
        raise InputError(f"there is no reference; give --onto, {which}")
    return chain, onto
