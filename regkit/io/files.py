"""Images and labels at once, voxels and all, by a path or by a header that was read already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.channels import luminance
from regkit.io.finite import with_finite
from regkit.io.format import Window
from regkit.io.formats.table import format_called
from regkit.io.header import Header
from regkit.io.options import AS_STORED, ReadOptions
from regkit.io.preflight import preflight
from regkit.io.voxels import mark_padding
from regkit.volume.volume import Labels, Volume


def open_image(
    source: str | Path | Header,
    options: ReadOptions = AS_STORED,
    *,
    window: Window | None = None,
    level: int = 0,
) -> Volume:
    """Read an image at once, voxels and all, by a path or by a header that was read already.

    Parameters
    ----------
    source
        A path, or what :func:`regkit.io.preflight` returned, in which ``options`` are then.
    options
        The choices of :func:`regkit.read`.
    window
        A slice of indices for every axis: the part that is read; all of it when left out. A
        format that can do so reads nothing else.
    level
        The level of resolution, 0 for the finest.

    Raises
    ------
    InputError
        As :func:`regkit.read`, or if there is no such window or level.
    """
    header = source if isinstance(source, Header) else preflight(source, options)
    whole = header.level(level)
    box = tuple(slice(0, size) for size in whole.shape) if window is None else window
    grid = whole if window is None else whole.window(*_corner_and_shape(header, whole, box))
    form, channels = format_called(header.format), header.each_channel
    data = [form.read(each, box, level) for each in channels]
    known = None
    if form.known is not None:
        known = _everywhere(map(form.known, channels, repeat(box), repeat(level), data))
    return _volume(header, data[0][None] if len(data) == 1 else np.stack(data), grid, known)


def _everywhere(maps: Iterable[NDArray[np.bool_] | None]) -> NDArray[np.bool_] | None:
    """Where all maps of known voxels are true; None, of a map too, stands for everywhere."""
    parts = [each for each in maps if each is not None]
    return np.logical_and.reduce(parts) if parts else None


def open_frames(header: Header, options: ReadOptions) -> Iterator[Volume]:
    """Read the frames of a file one after the other, or only the one that ``options`` name.

    Parameters
    ----------
    header
        As :func:`regkit.io.read_header` returns it. A compressed file is read once.
    options
        Which frame and channel are meant; every frame where none is named.

    Raises
    ------
    InputError
        As :func:`regkit.read`.
    """
    numbered = header.each_frame(options)
    series = format_called(header.format).read_series
    if series is None or len(numbered) == 1 or numbered[0].together:
        yield from (open_image(each) for each in numbered)
        return
    for each, data in zip(numbered, series(numbered[0]), strict=True):
        yield _volume(each, data[None], each.grid)


def _volume(
    header: Header, data: NDArray[Any], grid: Grid, said: NDArray[np.bool_] | None = None
) -> Volume:
    """The image of values ``(C, *spatial)`` as they are stored, known where the file has said so.

    No channel is mixed with a value that stands for nothing.
    """
    values, finite = with_finite(header.name, data, header.options.nan)
    image = Volume(values, grid, header.name, _everywhere([said, finite]))
    stored = mark_padding(image, header.options.padding)
    return luminance(stored) if header.grey else stored


def _corner_and_shape(
    header: Header, grid: Grid, window: Window
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    inside = len(window) == grid.ndim and all(
        part.step is None and 0 <= part.start < part.stop <= size
        for part, size in zip(window, grid.shape, strict=True)
    )
    if not inside:
        shown = ", ".join(f"{part.start}:{part.stop}" for part in window)
        size = "x".join(map(str, grid.shape))
        raise InputError(f"{header.name}: has no window [{shown}]; it has {size} voxels")
    return tuple(part.start for part in window), tuple(part.stop - part.start for part in window)


def open_labels(
    source: str | Path | Header,
    options: ReadOptions = AS_STORED,
    *,
    window: Window | None = None,
) -> Labels:
    """Read a label map at once, voxels and all, by a path or by a header that was read already.

    Parameters
    ----------
    source
        A path, or what :func:`regkit.io.preflight` returned, in which ``options`` are then.
    options
        The choices of :func:`regkit.io.read_labels`.
    window
        A slice of indices for every axis: the part that is read; all of it when left out.

    Raises
    ------
    InputError
        As :func:`regkit.io.read_labels`, or if there is no such window.
    """
    header = source if isinstance(source, Header) else preflight(source, options)
    return labels_of(open_image(header, window=window), header)


def labels_of(image: Volume, header: Header) -> Labels:
    """Turn an image into labels: its values must be whole numbers but for the rounding of the file.

    Raises
    ------
    InputError
        If a value is not a whole number.
    """
    whole = _whole(image.data, image.name, header)
    return Labels(whole, image.grid, image.name, image.valid, header.label_names)


def _whole(data: torch.Tensor, name: str, header: Header) -> torch.Tensor:
    """Labels as whole numbers; with a scale they may be off by half of its step."""
    step = header.step
    if not data.is_floating_point():
        return data
    nearest = data.round()
    # From half a label on, any value would be near one.
    allowed = step / 2 if step < 0.5 else 0.0
    rounding = 2 * torch.finfo(data.dtype).eps * nearest.abs() if step else 0.0
    wrong = (data - nearest).abs() > allowed + rounding
    if bool(wrong.any()):
        raise InputError(
            f"{name}: {int(wrong.sum())} voxels are not whole numbers, the first is "
            f"{float(data[wrong][0]):g}; labels must be whole. "
            f"{header.label_hint or 'Was it interpolated?'}"
        )
    largest = float(data.abs().max())
    if largest >= 2**53:
        raise InputError(f"{name}: has label {largest:g}; labels must be below 2**53")
    return nearest.to(torch.int32 if largest < 2**31 else torch.int64)
