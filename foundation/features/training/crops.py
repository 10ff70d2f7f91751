"""Draw random crops of pictures at random scales."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

_ZOOM = 4.0  # how much larger than the crop the square may be that is shrunk to it
_GAMMA = 2.0
_INVERTED = 0.25


def crops(pictures: Sequence[Tensor], size: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw random square crops of pictures, at random scales.

    Larger pictures are drawn more often. Crops are flipped, turned, brightened or darkened
    (gamma), and a quarter of them inverted: scans show one tissue bright or dark.

    Parameters
    ----------
    pictures
        Grey, in [0, 1], ``(1, height, width)`` each.
    size
        Pixels of a crop along either side.
    count
        How many are drawn.
    generator
        Of the CPU.

    Returns
    -------
    Tensor
        ``(count, 1, size, size)`` in [0, 1].

    Examples
    --------
    >>> draw = torch.Generator().manual_seed(0)
    >>> crops([torch.rand(1, 40, 50, generator=draw)], 16, 3, draw).shape
    torch.Size([3, 1, 16, 16])
    """
    areas = torch.tensor([float(min(p.shape[1:])) for p in pictures])
    chosen = torch.multinomial(areas, count, replacement=True, generator=generator)
    return torch.stack([_crop(pictures[int(n)], size, generator) for n in chosen])


def _crop(picture: Tensor, size: int, generator: torch.Generator) -> Tensor:
    height, width = picture.shape[1:]
    largest = min(height, width, int(size * _ZOOM))
    side = size
    if largest > size:
        side = round(size * (largest / size) ** float(torch.rand((), generator=generator)))
    side = min(side, height, width)
    top = _below(height - side + 1, generator)
    left = _below(width - side + 1, generator)
    square = picture[:, top : top + side, left : left + side]
    if side != size:
        square = functional.interpolate(square[None], (size, size), mode="area")[0]
    return _varied(square, generator)


def _varied(square: Tensor, generator: torch.Generator) -> Tensor:
    square = square.rot90(_below(4, generator), (1, 2))
    if _below(2, generator):
        square = square.flip(2)
    power = _GAMMA ** float(2 * torch.rand((), generator=generator) - 1)
    square = square.clamp(0, 1) ** power
    return 1 - square if float(torch.rand((), generator=generator)) < _INVERTED else square


def _below(n: int, generator: torch.Generator) -> int:
    return int(torch.randint(n, (), generator=generator))
