"""The volumes of a viewer, each in the few bytes that a page has room for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.io.formats.nifti.packed import packed_nifti
from regkit.report.display import Range
from regkit.report.small_copies import small_copy
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume.volume import Labels, Volume

_MOST_FRAMES = 12
_MOST_STRUCTURES = 2**16 - 1
_STEPS = 254  # between the codes 1 and 255; 0 is where there is no data


@dataclass(frozen=True)
class Layer:
    """One volume of a viewer.

    Parameters
    ----------
    name
        What a person chooses it by.
    kind
        ``image`` is drawn in grey, ``signed`` from blue over white to red, and ``labels`` in a
        colour for each structure.
    nifti
        A ``.nii.gz``, see :func:`regkit.io.formats.nifti.packed.packed_nifti`.
    limits
        The values of the codes 0 and 255 of what is no label map.
    structures
        What the codes 1, 2, 3 ... of labels are called; empty where they have no names.
    """

    name: str
    kind: Literal["image", "signed", "labels"]
    nifti: bytes
    limits: Range = (0.0, 1.0)
    structures: tuple[str, ...] = ()

    @property
    def base64(self) -> str:
        """The file as text."""
        return b64encode(self.nifti).decode()


def shown_frames(count: int) -> list[int]:
    """Choose the frames of a series that a page shows, the first and the last among them.

    Examples
    --------
    >>> shown_frames(3), shown_frames(100)
    ([0, 1, 2], [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99])
    """
    most = min(count, _MOST_FRAMES)
    return [round(n * (count - 1) / max(1, most - 1)) for n in range(most)]


def image_layer(name: str, image: Volume, grid: Grid, limits: Range) -> Layer:
    """Make a layer of the first channel of an image, which must lie in the world of ``grid``.

    Parameters
    ----------
    name
        What it is called.
    image
        On any grid; beyond it there is no data.
    grid
        See :func:`~regkit.report.small_copies.small_grid`.
    limits
        The values shown black and white. What lies beyond them is shown, and read, as one of them.
    """
    return _shaded(name, "image", small_copy(image, grid).data[0], grid, limits)


def signed_layer(name: str, values: Tensor, grid: Grid, limit: float) -> Layer:
    """Make a layer of values of either sign; white is 0.

    Parameters
    ----------
    name
        What it is called.
    values
        ``(i, j, k)``, or ``(i, j, k, t)`` of a series; NaN where there is no data.
    grid
        Where they lie; see :func:`~regkit.report.small_copies.small_grid`.
    limit
        The value of the darkest red, and its negative that of the darkest blue.
    """
    return _shaded(name, "signed", values, grid, (-limit, limit))


def series_layer(name: str, values: Tensor, grid: Grid, limits: Range) -> Layer:
    """Make a layer of the frames of a series.

    Parameters
    ----------
    name
        What it is called.
    values
        ``(i, j, k, t)``, NaN where there is no data.
    grid
        Where each frame lies; see :func:`~regkit.report.small_copies.thinned_grid`.
    limits
        The values shown black and white, in every frame.
    """
    return _shaded(name, "image", values, grid, limits)


def label_layers(maps: Mapping[str, Labels], grid: Grid) -> list[Layer]:
    """Make layers of label maps by their names, in which one structure has one colour.

    Structures are numbered anew: viewers draw large numbers wrong, and 64-bit ones not at all.
    There are none where the maps have more structures than 16 bits count.
    """
    small = {
        name: warp(each.without_unknown(), Affine.identity(3), onto=grid).data[0].cpu().long()
        for name, each in maps.items()
    }
    found = [torch.unique(each) for each in small.values()]
    known = torch.unique(torch.cat([torch.zeros(1, dtype=torch.long), *found]))
    names = tuple(map(str, known[known != 0].tolist()))
    if len(names) > _MOST_STRUCTURES:
        return []
    codes = torch.zeros(len(known), dtype=torch.long)
    codes[known != 0] = torch.arange(1, len(names) + 1)
    return [
        coded_layer(name, codes[torch.searchsorted(known, each)], grid, names)
        for name, each in small.items()
    ]


def coded_layer(name: str, codes: Tensor, grid: Grid, structures: tuple[str, ...] = ()) -> Layer:
    """Make a layer of labels from codes.

    Parameters
    ----------
    name
        What it is called.
    codes
        Whole numbers ``(i, j, k)``: 0, and the structures from 1.
    grid
        Where they lie; see :func:`~regkit.report.small_copies.small_grid`.
    structures
        What the codes from 1 are called; without names the viewer tells none.
    """
    kept = torch.uint8 if int(codes.max()) < 256 else torch.uint16
    nifti = packed_nifti(codes.to(kept), grid, labels=True)
    return Layer(name, "labels", nifti, structures=structures)


def _shaded(
    name: str, kind: Literal["image", "signed"], values: Tensor, grid: Grid, limits: Range
) -> Layer:
    low, high = limits
    slope = (high - low) / _STEPS
    codes = ((values - low) / slope + 1).round().clamp(1, _STEPS + 1)
    stored = torch.where(codes.isnan(), 0, codes).to(torch.uint8)
    return Layer(
        name, kind, packed_nifti(stored, grid, scale=(slope, low - slope)), (low - slope, high)
    )
