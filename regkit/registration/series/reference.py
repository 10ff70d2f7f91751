"""The reference of a series: a frame that was asked for, or the one most like all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.registration.check import check_image
from regkit.registration.series.aligner import has_contrast
from regkit.volume.volume import Volume

_LEAST_SLICES = 4  # fewer do not tell how a body moves through them


def check_frames(frames: Sequence[Volume], reference: int | str) -> None:
    """Refuse what is no series whose motion can be told, reading its frames once.

    Parameters
    ----------
    frames
        The series.
    reference
        The number of a frame, ``auto`` or ``mean``.

    Raises
    ------
    InputError
        If there are fewer than two frames or four slices, frames differ in grid or hold several
        channels, a voxel is not finite, the reference is none of the frames, or has no contrast.
    """
    name = frames[0].name if len(frames) else "series"
    check_count(name or "series", len(frames), reference)
    check_slices(frames[0])
    for number, frame in enumerate(frames):
        _check_frame(name, number, frame, frames[0])
        if number == reference:
            check_image(frame)


def check_count(name: str, count: int, reference: int | str) -> None:
    """Refuse a series of one frame, and a reference that it does not have.

    Parameters
    ----------
    name
        The series, for messages.
    count
        How many frames there are.
    reference
        The number of a frame, ``auto`` or ``mean``.

    Raises
    ------
    InputError
        If either is the case.
    """
    if count < 2:
        raise InputError(
            f"{name}: holds {count} frame; motion is that between frames. Give a 4-D file of two "
            "or more, or register two images with `regkit register`"
        )
    if isinstance(reference, int) and not 0 <= reference < count:
        raise InputError(
            f"{name}: has no frame {reference} for a reference; allowed: 0 to {count - 1}, auto or "
            "mean"
        )


def check_slices(frame: Volume) -> None:
    """Refuse a frame of fewer than four slices.

    Raises
    ------
    InputError
        If it is one, or is 2-D.
    """
    if frame.ndim < 3 or min(frame.grid.shape) < _LEAST_SLICES:
        size = "x".join(map(str, frame.grid.shape))
        raise InputError(
            f"{frame.name or 'series'}: its frames are {size} voxels; motion in space needs at "
            f"least {_LEAST_SLICES} along every axis"
        )


def _check_frame(name: str, number: int, frame: Volume, first: Volume) -> None:
    what = f"{name or 'series'}: frame {number}"
    if frame.channels != 1:
        raise InputError(f"{what} has {frame.channels} channels; choose one when it is read")
    if not frame.grid.lies_on(first.grid):
        raise InputError(f"{what} lies on another grid than frame 0; all frames must have one")
    if not bool(frame.data_values().isfinite().all()):
        raise InputError(f"{what} has voxels that are not finite; read it with nan=0")


def most_typical(frames: Sequence[Volume]) -> int:
    """Return the number of the frame that correlates best with the mean of all of them.

    Every frame counts alike in that mean, whatever its contrast; those without any are left out.

    Raises
    ------
    InputError
        If no frame has contrast.
    """
    total = torch.zeros(())
    for frame in _with_contrast(frames):
        total = total + _standard(frame)
    if total.ndim == 0:
        raise InputError(f"{frames[0].name or 'series'}: no frame has any contrast to register")
    likeness = [
        float((_standard(frame) * total).sum()) if has_contrast(frame) else -np.inf
        for frame in frames
    ]
    return int(np.argmax(likeness))


def _with_contrast(frames: Sequence[Volume]) -> Iterator[Volume]:
    return (frame for frame in frames if has_contrast(frame))


def _standard(frame: Volume) -> Tensor:
    """Values with mean 0 and standard deviation 1; 0 where there are no data."""
    known = frame.data_values().float()
    scaled = (frame.data.float() - known.mean()) / known.std()
    return scaled if frame.valid is None else scaled.masked_fill(~frame.valid, 0)
