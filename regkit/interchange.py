"""The front in Python: what users have at hand becomes volumes, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np
import torch

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.transforms import Affine, Transform
from regkit.volume.points import Points
from regkit.volume.volume import AnyVolume, Labels, Volume

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from regkit.preprocess.intensity import Modality
    from regkit.registration.options import RegisterOptions
    from regkit.registration.prepared import PreparedImage
    from regkit.registration.result import Result
    from regkit.registration.series import MotionResult

# What `register` takes by name beside its options.
_BESIDE = (
    "fixed_mask", "moving_mask", "fixed_labels", "moving_labels", "fixed_landmarks",
    "moving_landmarks", "initial",
)  # fmt: skip


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
    from regkit.io import ReadOptions, read_when_touched
    from regkit.io.interchange import from_object, is_foreign, with_choices

    options = ReadOptions(**choices)
    if _is_plain_array(source) and not is_foreign(source):
        return with_choices(_array(source, affine), options)
    if affine is not None:
        raise InputError("affine is for arrays; this image knows where it lies. Leave affine out")
    if isinstance(source, Volume):
        return source
    if isinstance(source, (str, PathLike)):
        return read_when_touched(Path(source), options)
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
    from regkit.io import ReadOptions, read_labels_when_touched

    if isinstance(source, (str, PathLike)) and affine is None:
        return read_labels_when_touched(Path(source), ReadOptions(**choices))
    image = read(source, affine=affine, **choices)
    return image if isinstance(image, Labels) else _as_labels(image)


def register(
    fixed: Any,
    moving: Any,
    *,
    fixed_mask: Any = None,
    moving_mask: Any = None,
    fixed_labels: Any = None,
    moving_labels: Any = None,
    fixed_landmarks: Any = None,
    moving_landmarks: Any = None,
    initial: Any = None,
    **options: Unpack[RegisterOptions],
) -> Result:
    """Align ``moving`` with ``fixed``.

    Parameters
    ----------
    fixed, moving
        What :func:`read` takes: volumes, paths, images of other libraries; or what
        :func:`prepare` made of it.
    fixed_mask, moving_mask
        The same; an array without an affine lies on the grid of its image.
    fixed_labels, moving_labels
        What :func:`read_labels` takes; arrays as for masks.
    fixed_landmarks, moving_landmarks
        The same landmarks in the worlds of their images: :class:`~regkit.Points`, a file of them,
        or an array ``(N, d)``. They guide with the option ``landmark_weight``.
    initial
        World points of fixed to world points of moving: a transform, its file, or a matrix.
    options
        Those of :class:`~regkit.registration.options.RegisterOptions`: ``preset`` or ``config``,
        ``model``, ``progress`` and every field of :class:`~regkit.RegisterConfig`.
        :func:`regkit.registration.pipeline.register` says what all of them mean.

    Returns
    -------
    Result
        With ``transform`` (fixed to moving), ``inverse``, ``warped`` and ``metrics``.

    Raises
    ------
    InputError
        If something cannot be read or used, or an option is unknown; that is said before any
        image is read.

    Examples
    --------
    >>> import regkit as rk
    >>> result = rk.register("fixed.nii.gz", "moving.nii.gz")  # doctest: +SKIP
    """
    from regkit.registration.options import check_options
    from regkit.registration.pipeline import register as run
    from regkit.registration.preparation import image_of

    check_options(options, beside=_BESIDE)
    sides = _side(fixed), _side(moving)
    one, other = map(image_of, sides)
    return run(
        *sides,
        fixed_mask=_beside(fixed_mask, one),
        moving_mask=_beside(moving_mask, other),
        fixed_labels=_labels_beside(fixed_labels, one),
        moving_labels=_labels_beside(moving_labels, other),
        fixed_landmarks=_points(fixed_landmarks),
        moving_landmarks=_points(moving_landmarks),
        initial=_transform(initial),
        **options,
    )


def _points(source: Any) -> Points | None:
    """Landmarks as they are at hand."""
    from regkit.io import read_points

    if source is None or isinstance(source, Points):
        return source
    if isinstance(source, (str, PathLike)):
        return read_points(Path(source))
    return Points(torch.as_tensor(np.asarray(source, np.float64)))


def prepare(image: Any, *, mask: Any = None, modality: Modality = "auto") -> PreparedImage:
    """Prepare an image that is registered more than once, such as an atlas.

    :func:`register` takes it in place of the image, as fixed or as moving, in any number of calls
    and threads, and gives the same result to the bit. What depends on this image alone (its
    canonical orientation, intensities, foreground and size) is computed when it is first wanted,
    kept, and pickled along.

    Parameters
    ----------
    image
        What :func:`read` takes; its voxels must not change any more.
    mask
        Where it counts, on its own grid, above 0; an array without an affine lies on that grid.
    modality
        How its intensities are scaled: auto, ct, cbct, mr, pet, optical or other. Of a fixed image
        it stands for the option ``modality``, of a moving one for ``moving_modality``.

    Returns
    -------
    PreparedImage
        With ``image``, ``mask`` and ``modality``.

    Raises
    ------
    InputError
        If something cannot be read, or the image cannot be registered.

    Examples
    --------
    >>> import regkit as rk
    >>> near = np.linspace(-2, 2, 16) ** 2
    >>> ball = np.exp(-(near[:, None, None] + near[:, None] + near))
    >>> atlas = rk.prepare(rk.read(ball, affine=np.eye(4)))
    >>> atlas.image, atlas.modality
    (Volume(16x16x16, 1x1x1 mm, RAS, float64, ''), 'auto')
    >>> paths = ["subject1.nii.gz", "subject2.nii.gz"]
    >>> results = [rk.register(atlas, path) for path in paths]  # doctest: +SKIP
    """
    from regkit.registration.preparation import prepare as run

    read_image = read(image).load()
    return run(read_image, mask=_beside(mask, read_image), modality=modality)


def correct_motion(
    series: Any,
    *,
    transform: str = "rigid",
    reference: int | str = "auto",
    similarity: str = "mi",
    radius: float | None = None,
    threads: int = 1,
    **choices: Any,
) -> MotionResult:
    """Bring every frame of a series to one reference.

    Parameters
    ----------
    series
        The path of a 4-D file, whose frames are read one at a time; or a sequence of what
        :func:`read` takes, all on one grid.
    transform
        ``rigid``, ``affine`` or ``deformable``.
    reference
        The number of a frame from 0; ``auto``, the frame most like all others; or ``mean``, the
        mean of the frames once they are aligned with that one.
    similarity
        What compares a frame with the reference: ``mi``, which does not mind changes of contrast,
        ``mse``, ``lncc`` or ``lncc2``.
    radius
        Of the sphere on which rotations count for the framewise displacement, in world units; by
        default 50 mm for heads, of other bodies the same share of their size.
    threads
        Of the CPU; 0 for all cores, which pays for large frames and fields alone.
    choices
        How a file is read, as for :func:`read`.

    Returns
    -------
    MotionResult
        With ``transforms`` (world points of the reference to those of each frame), ``parameters``,
        ``displacement``, ``verdicts``, ``mean``, and ``corrected()``, which gives the frames.

    Raises
    ------
    InputError
        If it is no series, or one whose motion cannot be told.

    Examples
    --------
    >>> near = np.linspace(-2, 2, 16) ** 2
    >>> ball = 100 * np.exp(-(near[:, None, None] + 2 * near[:, None] + 3 * near))
    >>> frames = [read(np.roll(ball, step, 0), affine=np.eye(4)) for step in (0, 0, 1)]
    >>> shifts = correct_motion(frames, reference=0).parameters[:, 0]
    >>> [round(abs(float(shift)), 1) for shift in shifts]
    [0.0, 0.0, 1.0]
    """
    from regkit.io import ReadOptions
    from regkit.io.series import FrameFiles
    from regkit.registration.series import MotionConfig, correct_frames
    from regkit.registration.series.reference import check_frames
    from regkit.settings import validate

    asked = {
        "transform": transform, "reference": reference, "similarity": similarity,
        "radius": radius, "threads": threads,
    }  # fmt: skip
    config = validate(MotionConfig, asked, "correct_motion:")
    frames: Sequence[Volume]
    if isinstance(series, (str, PathLike)):
        frames = FrameFiles.of(Path(series), ReadOptions(**choices))
    else:
        frames = [read(each, **choices).load() for each in series]
    check_frames(frames, config.reference)
    return correct_frames(frames, config)


@overload
def warp(moving: AnyVolume, phi: Any, *, onto: Any, outside: float = 0.0) -> AnyVolume: ...
@overload
def warp(moving: Any, phi: Any, *, onto: Any, outside: float = 0.0) -> Volume: ...
def warp(moving: Any, phi: Any, *, onto: Any, outside: float = 0.0) -> Volume:
    """Resample ``moving`` on ``onto`` through ``phi``: ``warped(x) = moving(phi(x))``.

    Parameters
    ----------
    moving
        What :func:`read` takes; :class:`~regkit.Labels` are never mixed.
    phi
        World points of ``onto`` to world points of ``moving``: a transform, its file, or a matrix.
    onto
        The grid of the result: a :class:`~regkit.Grid`, or an image that lies on it.
    outside
        Value where ``phi`` leaves ``moving``: 0, or -1000 for CT in Hounsfield units.

    Returns
    -------
    Volume
        Of the kind and type of ``moving``; see :func:`regkit.resample.warp`.

    Raises
    ------
    InputError
        If something cannot be read, or does not fit together.

    Examples
    --------
    >>> image = read(np.array([[1.0, 2.0], [3.0, 4.0]]), affine=np.eye(3))
    >>> warp(image, np.eye(3), onto=image).data.tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """
    from regkit.resample import warp as run

    transform = _transform(phi)
    if transform is None:
        raise InputError("phi is None; give a transform, its file, or a matrix")
    grid = onto if isinstance(onto, Grid) else read(onto).grid
    return run(read(moving).load(), transform, onto=grid, outside=outside)


def _side(given: Any) -> Volume | PreparedImage:
    """An image with its voxels, unless it is prepared."""
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


def _beside(mask: Any, image: Volume) -> Volume | None:
    """A mask; one that is a bare array lies where its image does."""
    if mask is None:
        return None
    return Volume(mask, image.grid, "mask") if _is_bare(mask) else read(mask).load()


def _labels_beside(labels: Any, image: Volume) -> Any:
    if labels is None or isinstance(labels, Volume):
        return labels
    return _as_labels(_beside(labels, image)) if _is_bare(labels) else read_labels(labels).load()


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


def _transform(given: Any) -> Transform | None:
    if given is None or isinstance(given, Transform):
        return given
    if isinstance(given, (str, PathLike)):
        from regkit.io import read_transform

        return read_transform(Path(given))
    return Affine(given)
