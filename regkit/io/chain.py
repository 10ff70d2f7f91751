"""Several transform files, as one map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regkit.errors import InputError
from regkit.io.transforms import ImageLike, read_transform
from regkit.transforms import Transform, compose


def open_chain(
    paths: Sequence[Path],
    program: str | None = None,
    *,
    fixed: ImageLike | None = None,
    moving: ImageLike | None = None,
) -> Transform:
    """Read several transform files as one map, in the order in which a world point passes them.

    Parameters
    ----------
    paths
        Each maps world points of fixed to world points of moving (RAS+ mm); the first file is
        applied first.
    program
        Whose they are, as of :func:`regkit.io.transforms.read_transform`.
    fixed, moving
        The image whose points the first file takes, and that to whose points the last one leads,
        for files whose numbers are relative to their images. Images that only happen to be there
        are :func:`images_beside`.

    Raises
    ------
    InputError
        If one cannot be read, or they are of different dimensions.
    """
    last = len(paths) - 1
    found = [
        read_transform(
            path,
            fixed=fixed if number == 0 else None,
            moving=moving if number == last else None,
            program=program,
        )
        for number, path in enumerate(paths)
    ]
    for path, each in zip(paths, found, strict=True):
        if each.ndim != found[0].ndim:
            raise InputError(
                f"{path.name}: is {each.ndim}-D and {paths[0].name} {found[0].ndim}-D; transforms "
                "in a row must have one dimension"
            )
    return compose(*reversed(found))


def images_beside(
    program: str | None, fixed: ImageLike | None, moving: ImageLike | None
) -> tuple[ImageLike | None, ImageLike | None]:
    """Return the images of a command as those that its transforms connect, if a program is named.

    Without one they are left aside: an LTA knows its own images, and an image of another size may
    well go through it.

    Parameters
    ----------
    program
        Whose the transforms are.
    fixed, moving
        The images that the command works on.

    Examples
    --------
    >>> images_beside("fsl", Path("ref.nii"), None), images_beside(None, Path("ref.nii"), None)
    ((PosixPath('ref.nii'), None), (None, None))
    """
    return (fixed, moving) if program else (None, None)
