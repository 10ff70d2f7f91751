"""ReadOptions: what a user says about a file where the file itself leaves a choice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from types import NoneType
from typing import Any, Literal, cast

from regkit.errors import InputError

MAX_BYTES = 2**31
FORMS = ("sform", "qform")
_KINDS: dict[str, tuple[type, ...]] = {
    "geometry": (str, NoneType),
    "assume_ras": (bool,),
    "allow_shear": (bool,),
    "frame": (Integral, NoneType),
    "channel": (Integral, NoneType),
    "nan": (Real, NoneType),
    "max_bytes": (Integral,),
    "spacing": (Sequence, NoneType),
    "padding": (Real, NoneType),
    "channels": (Sequence, NoneType),
    "series": (Integral, str, NoneType),
    "structures": (Sequence, NoneType),
    "threshold": (Real, NoneType),
}
Channels = tuple[int | str, ...] | Literal["all", "luminance"]
_WORDS = ("all", "luminance")


@dataclass(frozen=True)
class ReadOptions:
    """The choices of :func:`regkit.io.read`, in one piece.

    Parameters
    ----------
    geometry
        ``"sform"`` or ``"qform"``, for a NIfTI file in which the two disagree.
    assume_ras
        Take the axes as right, anterior, superior where the file does not say.
    allow_shear
        Accept axes that are not at right angles.
    frame
        Which image of a 4-D file, from 0.
    channel
        Which value of a voxel that has several, from 0.
    nan
        The value to put in place of NaN and infinite voxels; without it they are refused.
    max_bytes
        The most that the voxels may take, uncompressed.
    spacing
        Millimetres from voxel to voxel along each axis, for a file that does not say (arrays of
        NumPy, pictures, stacks of them).
    padding
        The value of voxels that are no data, such as -3024 around the circle of a CT.
    channels
        Which values of a voxel to keep together, in this order: numbers from 0, or names where the
        file has them; ``"all"`` of them; or
        ``"luminance"``, the grey of an RGB or RGBA image.
    series
        Which series of a folder of DICOM files that holds several: its number or its UID. Where
        there is only one, that one is taken.
    structures
        Names of the structures of a DICOM segmentation or structure set that are taken, the first
        as label 1; where two overlap, the one that is named later has the voxel.
    threshold
        The share, above 0 and up to 1, from which a voxel of a fractional DICOM segmentation is
        part of its structure; without it such a file is an image, one channel a structure.

    Raises
    ------
    InputError
        If one is of another kind.

    Examples
    --------
    >>> ReadOptions(geometry="both")
    Traceback (most recent call last):
    regkit.errors.InputError: geometry 'both' is unknown; allowed: 'sform' or 'qform'
    """

    geometry: str | None = None
    assume_ras: bool = False
    allow_shear: bool = False
    frame: int | None = None
    channel: int | None = None
    nan: float | None = None
    max_bytes: int = MAX_BYTES
    spacing: tuple[float, ...] | None = None
    padding: float | None = None
    channels: Channels | None = None
    series: int | str | None = None
    structures: tuple[str, ...] | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value, kinds = getattr(self, field.name), _KINDS[field.name]
            if not isinstance(value, kinds):
                allowed = " or ".join(kind.__name__ for kind in kinds)
                raise InputError(f"{field.name} is {value!r:.40}; allowed: {allowed}")
        if self.geometry not in (None, *FORMS):
            raise InputError(
                f"geometry {self.geometry!r:.40} is unknown; allowed: 'sform' or 'qform'"
            )
        if self.spacing is not None:
            object.__setattr__(self, "spacing", _checked_spacing(self.spacing))
        if self.structures is not None:
            object.__setattr__(self, "structures", _checked_structures(self.structures))
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InputError(f"threshold is {self.threshold:g}; allowed: above 0, up to 1")
        if self.channels is not None:
            object.__setattr__(self, "channels", _checked_channels(self.channels, self.channel))


def _checked_spacing(spacing: Sequence[Any]) -> tuple[float, ...]:
    usable = all(isinstance(s, int | float) and math.isfinite(s) and s > 0 for s in spacing)
    if not usable or len(spacing) not in (2, 3):
        raise InputError(
            f"spacing is {spacing!r:.60}; allowed: two or three positive numbers, in millimetres"
        )
    return tuple(float(s) for s in spacing)


def _checked_structures(structures: Sequence[Any]) -> tuple[str, ...]:
    names = () if isinstance(structures, str) else tuple(structures)
    usable = all(isinstance(each, str) and each.strip() for each in names)
    if not names or not usable or len({each.casefold() for each in names}) < len(names):
        raise InputError(
            f"structures is {structures!r:.60}; allowed: different names, such as ('Liver', "
            "'Heart')"
        )
    return names


def _checked_channels(channels: Any, channel: int | None) -> Channels:
    if channel is not None:
        raise InputError(
            f"channel is {channel} and channels {channels!r:.40}; give one of them: channel for a "
            "single one, channels for several"
        )
    if isinstance(channels, str) and channels in _WORDS:
        return cast(Channels, channels)
    numbers = () if isinstance(channels, str) else tuple(channels)
    usable = all(_is_channel(each) for each in numbers)
    if not numbers or not usable or len(set(numbers)) < len(numbers):
        raise InputError(
            f"channels is {channels!r:.60}; allowed: different whole numbers from 0, names of "
            "channels, 'all', or 'luminance'"
        )
    return tuple(each if isinstance(each, str) else int(each) for each in numbers)


def _is_channel(each: Any) -> bool:
    """Whether it can be the number or the name of a channel."""
    if isinstance(each, str):
        return bool(each.strip())
    return type(each) is not bool and isinstance(each, Integral) and int(each) >= 0


AS_STORED = ReadOptions()
