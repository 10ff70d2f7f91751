"""ObservedPlace: dates of one place, and how far apart their spectra lie by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.images.bands import Bands
from regkit.errors import InputError

Deviations = NDArray[np.float64]
NATURAL = 0.95
"""The share of pixels within what a place does by itself."""
_BLOCKS = 8  # a side: pixels of one block are not independent of each other
_OUTLYING = 2.5  # times as far as other dates
MEASURES = ("angle", "distance", "band")
"""Spectral angle in degrees; ``|x - y| / (|x| + |y|)``; and the largest difference of any band, in
units of what is usual for that band between dates. Each to the other dates, their median."""


@dataclass(frozen=True, eq=False)
class ObservedPlace:
    """Dates of one place, and what they do by themselves.

    Parameters
    ----------
    stack
        ``(T, C, rows, columns)``.
    known
        ``(T, 1, rows, columns)``: where a pixel counts: it has data there and on two other dates.
    bands
        Statistics of the stack.
    usual
        ``(C,)``: what a band usually differs by between two dates.
    plain
        By every measure, ``(T, rows, columns)``: how far pixels lie from the other dates.
    owners
        The block of the scene that each pixel that counts lies in.
    """

    stack: Tensor
    known: Tensor
    bands: Bands
    usual: Tensor
    plain: dict[str, Deviations]
    owners: NDArray[np.int_]

    @property
    def natural_limits(self) -> dict[str, float]:
        """By every measure, the 95th percentile of the pixels as they are."""
        where = self.known[:, 0].numpy()
        return {name: float(np.quantile(self.plain[name][where], NATURAL)) for name in MEASURES}

    @property
    def outlying_dates(self) -> dict[int, float]:
        """Dates, from 1, that lie much farther from the others than these do, and how many times.

        Of what pixels usually (by their median) are apart, as a relative distance. Clouds and snow
        look like this, and hide what augmentations do.
        """
        where = self.known[:, 0].numpy()
        pairs = zip(self.plain["distance"], where, strict=True)
        usual = np.array([np.median(own[at]) if at.any() else np.nan for own, at in pairs])
        times = [one / np.nanmedian(np.delete(usual, n)) for n, one in enumerate(usual)]
        return {n: float(each) for n, each in enumerate(times, start=1) if each > _OUTLYING}


def observed_place(stack: Tensor, valid: Tensor | None = None) -> ObservedPlace:
    """Measure what the dates of a place do by themselves.

    Parameters
    ----------
    stack
        ``(T, C, rows, columns)``, three dates at least, in reflectances or any other unit that all
        bands share.
    valid
        ``(T, 1, rows, columns)``: where a date has data and no cloud; everywhere if None.

    Raises
    ------
    InputError
        If there are less than three dates or two bands, or no pixel has three dates.
    """
    if stack.ndim != 4 or len(stack) < 3 or stack.shape[1] < 2:
        raise InputError(
            f"a stack of {tuple(stack.shape)} does not do; give at least 3 dates of at least 2 "
            "bands, (dates, bands, rows, columns)"
        )
    known = torch.ones_like(stack[:, :1], dtype=torch.bool) if valid is None else valid
    known = known & (known.sum(0, keepdim=True) >= 3)
    if not bool(known.any()):
        raise InputError("no pixel has three dates with data; give more dates, or a smaller mask")
    bands, usual = Bands.of(stack, known), _usual(stack, known)
    plain = spectral_deviations(stack, stack, known, usual)
    return ObservedPlace(stack, known, bands, usual, plain, _owners(known))


def _usual(stack: Tensor, known: Tensor) -> Tensor:
    """``(C,)``: the median difference of each band between two dates, over all pairs and places."""
    found = []
    for one, other in combinations(range(len(stack)), 2):
        both = (known[one] & known[other])[0]
        if bool(both.any()):
            found.append((stack[one] - stack[other]).abs()[:, both])
    return torch.cat(found, 1).median(1).values.clamp_min(1e-12)


def spectral_deviations(
    shown: Tensor, stack: Tensor, known: Tensor, usual: Tensor
) -> dict[str, Deviations]:
    """Measure how far the pixels of every date lie from the other dates of their place.

    Parameters
    ----------
    shown
        What is compared, ``(T, C, rows, columns)``: the dates themselves, or augmented ones.
    stack, known, usual
        As :class:`ObservedPlace`.

    Returns
    -------
    dict
        ``(T, rows, columns)`` by the name of each measure.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in MEASURES}
    for date in range(len(stack)):
        others = [n for n in range(len(stack)) if n != date]
        one, other = shown[date][None].double(), stack[others].double()
        length, lengths = _length(one), _length(other)
        cosine = (one * other).sum(1) / (length * lengths).clamp_min(1e-12)
        apart = one - other
        values = {
            "angle": cosine.clamp(-1, 1).acos().rad2deg(),
            "distance": _length(apart) / (length + lengths).clamp_min(1e-12),
            "band": (apart / usual[None, :, None, None]).abs().amax(1),
        }
        gaps = ~known[others, 0]
        for name, each in values.items():
            found[name].append(median_of_dates(each, gaps))
    return {name: torch.stack(each).numpy() for name, each in found.items()}


def median_of_dates(values: Tensor, gaps: Tensor) -> Tensor:
    """The lower median of ``(dates, rows, columns)``, without gaps; NaN where there are gaps alone.

    Dates are few: whole images change places, which is faster than to sort each pixel.

    Examples
    --------
    >>> dates = torch.tensor([3.0, 1.0, 2.0, 9.0]).reshape(4, 1, 1)
    >>> median_of_dates(dates, dates == 9).tolist()
    [[2.0]]
    """
    ordered = list(values.masked_fill(gaps, torch.inf))
    for last in range(len(ordered) - 1, 0, -1):
        for n in range(last):
            less, more = ordered[n : n + 2]
            ordered[n : n + 2] = torch.minimum(less, more), torch.maximum(less, more)
    middle = ((~gaps).sum(0, keepdim=True) - 1).clamp_min(0) // 2
    return torch.stack(ordered).gather(0, middle)[0].masked_fill(gaps.all(0), torch.nan)


def _length(spectra: Tensor) -> Tensor:
    """The norm over bands; that of PyTorch takes ten times as long along this axis."""
    return spectra.square().sum(1).sqrt()


def _owners(known: Tensor) -> NDArray[np.int_]:
    """The number of the block of every pixel that counts."""
    rows, columns = known.shape[2:]
    down = np.arange(rows) * _BLOCKS // rows
    across = np.arange(columns) * _BLOCKS // columns
    blocks = down[:, None] * _BLOCKS + across
    where = known[:, 0].numpy()
    return np.asarray(np.broadcast_to(blocks, where.shape)[where])
