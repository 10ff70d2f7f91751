"""The front in Python: what is done with images, whatever they come as."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.sources import (
    image_or_prepared,
    labels_beside,
    mask_beside,
    points_of,
    read,
    transform_of,
)
from regkit.volume.volume import AnyVolume, Volume

if TYPE_CHECKING:
    from regkit.preprocess.intensity import Modality
    from regkit.registration.options import RegisterOptions
    from regkit.registration.prepared import PreparedImage
    from regkit.registration.result import Result
    from regkit.registration.series import MotionResult
    from regkit.resample import Interpolation

# What `register` takes by name beside its options.
_BESIDE = (
    "fixed_mask", "moving_mask", "fixed_labels", "moving_labels", "fixed_landmarks",
    "moving_landmarks", "initial",
)  # fmt: skip


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
    sides = image_or_prepared(fixed), image_or_prepared(moving)
    one, other = map(image_of, sides)
    return run(
        *sides,
        fixed_mask=mask_beside(fixed_mask, one),
        moving_mask=mask_beside(moving_mask, other),
        fixed_labels=labels_beside(fixed_labels, one),
        moving_labels=labels_beside(moving_labels, other),
        fixed_landmarks=points_of(fixed_landmarks),
        moving_landmarks=points_of(moving_landmarks),
        initial=transform_of(initial),
        **options,
    )


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
    >>> import numpy as np
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
    return run(read_image, mask=mask_beside(mask, read_image), modality=modality)


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
    >>> import numpy as np
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
def warp(
    moving: AnyVolume,
    phi: Any,
    *,
    onto: Any,
    outside: float = 0.0,
    interpolation: Interpolation | None = None,
) -> AnyVolume: ...
@overload
def warp(
    moving: Any,
    phi: Any,
    *,
    onto: Any,
    outside: float = 0.0,
    interpolation: Interpolation | None = None,
) -> Volume: ...
def warp(
    moving: Any,
    phi: Any,
    *,
    onto: Any,
    outside: float = 0.0,
    interpolation: Interpolation | None = None,
) -> Volume:
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
    interpolation
        Of an image ``linear``, ``nearest``, ``cubic`` or ``sinc``, of labels ``nearest`` or
        ``label``; None for the first.

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
    >>> import numpy as np
    >>> image = read(np.array([[1.0, 2.0], [3.0, 4.0]]), affine=np.eye(3))
    >>> warp(image, np.eye(3), onto=image).data.tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """
    from regkit.resample import warp as run

    transform = transform_of(phi)
    if transform is None:
        raise InputError("phi is None; give a transform, its file, or a matrix")
    grid = onto if isinstance(onto, Grid) else read(onto).grid
    return run(
        read(moving).load(), transform, onto=grid, outside=outside, interpolation=interpolation
    )
