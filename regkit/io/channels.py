"""Which values of a voxel are meant, and one grey of three colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.io.options import Channels, ReadOptions
from regkit.volume.volume import Volume

# Of linear light in ITU-R BT.709; here of the values as the file has them.
_LUMINANCE = (0.2126, 0.7152, 0.0722)
_COLOURS = (3, 4)  # RGB, and with alpha


def meant_channels(
    name: str,
    count: int,
    channel: int | None,
    channels: Channels | None,
    *,
    names: Sequence[str] = (),
) -> tuple[int, ...]:
    """Find which channels of a file the user means, as their numbers from 0.

    Parameters
    ----------
    name
        The file, for messages.
    count
        How many channels it has.
    channel
        The single channel that the user named; None where none is named.
    channels
        The channels that the user named together: numbers, names, ``"all"`` or ``"luminance"``
        (then all of them are returned); None where a single one is wanted.

    names
        What the file calls its channels, where it does.

    Raises
    ------
    InputError
        If there are several and none is named, there is none of that number or name, or luminance
        is asked of what has no three colours.

    Examples
    --------
    >>> meant_channels("a.tif", 13, None, (3, 2, 1)), meant_channels("a.tif", 3, 2, None)
    ((3, 2, 1), (2,))
    >>> meant_channels("a.tif", 3, None, ("nir", 0), names=("Red", "Green", "NIR"))
    (2, 0)
    """
    if channels is None:
        return (_single(name, count, channel),)
    if channels == "luminance" and count not in _COLOURS:
        raise InputError(
            f"{name}: has {count} channel{'s' * (count > 1)}; luminance is that of 3 (RGB) or 4 "
            "(RGBA). Choose channels by their numbers"
        )
    numbers = range(count) if isinstance(channels, str) else channels
    return tuple(
        _named(name, number, names) if isinstance(number, str) else _existing(name, count, number)
        for number in numbers
    )


def _named(file: str, name: str, names: Sequence[str]) -> int:
    """The number of the channel of a name, whatever its case."""
    known = [each.casefold() for each in names]
    if name.casefold() not in known:
        have = ", ".join(filter(None, names)) or "none has a name; give numbers from 0"
        raise InputError(f"{file}: has no channel {name!r:.40}; its channels: {have}")
    return known.index(name.casefold())


def _single(name: str, count: int, channel: int | None) -> int:
    if channel is None and count > 1:
        raise InputError(
            f"{name}: has {count} channels; pass channel=N, N from 0 to {count - 1}, or "
            "channels='all', numbers such as channels=(0, 1), or channels='luminance' of RGB"
        )
    return _existing(name, count, channel or 0)


def _existing(name: str, count: int, number: int) -> int:
    if not 0 <= number < count:
        raise InputError(f"{name}: has no channel {number}; allowed: 0 to {count - 1}")
    return number


def luminance(volume: Volume) -> Volume:
    """Turn an RGB or RGBA image into grey by ITU-R BT.709; where alpha is 0 there are no data.

    The values are weighted as they are, without undoing their gamma; the result is in float32, or
    in float64 where the image has it.

    Examples
    --------
    >>> import numpy as np
    >>> white = Volume(torch.full((3, 1, 1), 255, dtype=torch.uint8), np.eye(3))
    >>> luminance(white).data.round().tolist()
    [[[255.0]]]
    """
    kind = torch.float64 if volume.data.dtype is torch.float64 else torch.float32
    weights = torch.tensor(_LUMINANCE, dtype=kind)
    grey = torch.einsum("c,c...->...", weights, volume.data[:3].to(kind))[None]
    return replace(volume, data=grey, valid=_opaque(volume))


def _opaque(volume: Volume) -> Tensor | None:
    """Where there are data and alpha, if there is one, is above 0; None for everywhere."""
    if volume.channels < 4:
        return volume.valid
    seen = volume.data[3] > 0
    if volume.valid is not None:
        return seen & volume.valid
    return None if bool(seen.all()) else seen


def pick_channels(volume: Volume, options: ReadOptions) -> Volume:
    """Pick from an image in memory the channels that ``options`` name.

    All are kept where none is named, and for luminance, which is computed later.

    Raises
    ------
    InputError
        If it does not have them.
    """
    if options.channel is None and options.channels is None:
        return volume
    name = volume.name or "image"
    numbers = meant_channels(name, volume.channels, options.channel, options.channels)
    if numbers == tuple(range(volume.channels)):
        return volume
    return volume.with_data(volume.data[list(numbers)])
