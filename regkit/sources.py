"""What users have at hand, as volumes, labels, points and transforms."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from regkit.errors import InputError
from regkit.transforms import Affine, Transform
from regkit.volume.points import Points
from regkit.volume.volume import Labels, Volume

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from regkit.registration.prepared import PreparedImage


def read(source: Any, *, affine: ArrayLike | None = None, **choices: Any) -> Volume:
    """Read an image from a file, or from what another library holds.

    Of a file the header is read and checked now, the voxels when they are touched; see
    :class:`~regkit.Volume`.

    Parameters
    ----------
    source
        A path; an image of nibabel, SimpleITK or ANTs; a ``MetaTensor`` of MONAI; a NumPy array or
        a tensor with its ``affine``; or a :class:`~regkit.Volume`, which is returned as it is.
    affine
        ``(d + 1, d + 1)``, of an array: index to RAS+ mm.
    choices
        As for :func:`regkit.io.read`: ``geometry``, ``assume_ras``, ``allow_shear``, ``frame``,
        ``channel``, ``channels``, ``nan``, ``max_bytes``, ``spacing`` and ``padding``.

    Returns
    -------
    Volume
        ``(C, *spatial)`` where it lies in the world.

    Raises
    ------
    InputError
        If it is no image, cannot be trusted, or has an affine of its own beside ``affine``. What
        only voxels tell (NaN, a damaged stream) is refused when they are touched.

    Examples
    --------
    >>> read(np.zeros((4, 5, 6), np.float32), affine=np.diag([2.0, 2.0, 3.0, 1.0]))
    Volume(4x5x6, 2x2x3 mm, RAS, float32, '')
    """
    from regkit.io import ReadOptions, read_lazily
    from regkit.io.interchange import from_object, is_foreign, with_choices

    options = ReadOptions(**choices)
    if _is_plain_array(source) and not is_foreign(source):
        return with_choices(_array(source, affine), options)
    if affine is not None:
        raise InputError("affine is for arrays; this image knows where it lies. Leave affine out")
    if isinstance(source, Volume):
        return source
    if isinstance(source, (str, PathLike)):
        return read_lazily(Path(source), options)
    return from_object(source, options)


def read_labels(source: Any, *, affine: ArrayLike | None = None, **choices: Any) -> Labels:
    """Read a label map, as :func:`read` does; every value must be a whole number.

    Raises
    ------
    InputError
        If :func:`read` raises it, or a value is not a whole number; of a file as soon as the voxels
        are touched.

    Examples
    --------
    >>> read_labels(np.array([[0.0, 2.0]]), affine=np.eye(3)).values
    (2,)
    """
    from regkit.io import ReadOptions, read_labels_lazily

    if isinstance(source, (str, PathLike)) and affine is None:
        return read_labels_lazily(Path(source), ReadOptions(**choices))
    image = read(source, affine=affine, **choices)
    return image if isinstance(image, Labels) else _as_labels(image)


def image_or_prepared(given: Any) -> Volume | PreparedImage:
    """Read an image with its voxels, unless it is prepared."""
    from regkit.registration.prepared import PreparedImage

    return given if isinstance(given, PreparedImage) else read(given).load()


def _is_plain_array(source: object) -> bool:
    return isinstance(source, (np.ndarray, torch.Tensor))


def _array(data: Any, affine: ArrayLike | None) -> Volume:
    if affine is None:
        raise InputError(
            f"an array of shape {tuple(data.shape)} does not say where it lies; pass its affine: "
            "rk.read(array, affine=...) or rk.Volume(array, affine)"
        )
    return Volume(data, affine)


def mask_beside(mask: Any, image: Volume) -> Volume | None:
    """Read a mask; one that is a bare array lies where ``image`` does. None stays None."""
    if mask is None:
        return None
    return Volume(mask, image.grid, "mask") if _is_bare(mask) else read(mask).load()


def labels_beside(labels: Any, image: Volume) -> Any:
    """Read labels; a bare array of them lies where ``image`` does. None stays None."""
    if labels is None or isinstance(labels, Volume):
        return labels
    return (
        _as_labels(mask_beside(labels, image)) if _is_bare(labels) else read_labels(labels).load()
    )


def _is_bare(thing: object) -> bool:
    from regkit.io.interchange import is_foreign

    return _is_plain_array(thing) and not is_foreign(thing)


def _as_labels(image: Any) -> Labels:
    data = image.data
    if data.is_floating_point():
        if bool((data != data.round()).any()):
            raise InputError(
                f"{image.name or 'labels'}: not all values are whole numbers; labels must be "
                "whole. Was it interpolated?"
            )
        data = data.to(torch.int64 if float(data.abs().max()) >= 2**31 else torch.int32)
    return Labels(data, image.grid, image.name, image.valid)


def transform_of(given: Any) -> Transform | None:
    """Read a transform, fixed to moving, from a file or a matrix. None stays None."""
    if given is None or isinstance(given, Transform):
        return given
    if isinstance(given, (str, PathLike)):
        from regkit.io import read_transform

        return read_transform(Path(given))
    return Affine(given)


def points_of(source: Any) -> Points | None:
    """Read landmarks from a file or an array ``(N, d)`` of world coordinates. None stays None."""
    from regkit.io import read_points

    if source is None or isinstance(source, Points):
        return source
    if isinstance(source, (str, PathLike)):
        return read_points(Path(source))
    return Points(torch.as_tensor(np.asarray(source, np.float64)))
