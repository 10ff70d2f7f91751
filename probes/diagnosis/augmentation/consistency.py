"""Consistency: whether an augmented spectrum still lies among those of its own place.

After Burgert and Demir 2024, "Estimating physical information consistency of channel data
augmentation for remote sensing images": the deviation of a pixel's spectrum within the dates of the
same place is what acquisition and season do to it; an augmentation that moves it further is
physically inconsistent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from probes.diagnosis.augmentation.changes import BandAugmentation, augment
from probes.images.bands import Bands
from regkit.errors import InputError
from regkit.statistics import Interval, bootstrap_interval

Deviations = NDArray[np.float64]
_BLOCKS = 8  # a side: pixels of one block are not independent of each other
_NATURAL = 0.95
_ALLOWED = 2 * (1 - _NATURAL)
MEASURES = ("angle", "distance", "band")
"""Spectral angle in degrees; ``|x - y| / (|x| + |y|)``; and the largest difference of any band, in
units of what is usual for that band between dates. Each to the other dates, their median."""


@dataclass(frozen=True)
class SpectralDeviation:
    """How far pixels lie from the other dates of their place, by one measure.

    Parameters
    ----------
    measure
        One of :data:`MEASURES`.
    natural
        The mean of the pixels as they are.
    limit
        The 95th percentile of the pixels as they are: what the place does by itself.
    augmented
        The mean of augmented pixels.
    beyond
        The share of augmented pixels beyond the limit, with its interval by blocks of the scene; of
        the pixels as they are it is 0.05.
    """

    measure: str
    natural: float
    limit: float
    augmented: float
    beyond: Interval


@dataclass(frozen=True)
class AugmentationConsistency:
    """What one augmentation does to spectra.

    Parameters
    ----------
    augmentation, strength
        What was applied.
    deviations
        By every measure.
    """

    augmentation: str
    strength: float
    deviations: Sequence[SpectralDeviation]

    @property
    def consistent(self) -> bool:
        """Whether by no measure more than a tenth of pixels lie beyond the natural limit.

        A tenth is twice as many as without any augmentation; the lower end of the interval counts.
        """
        return all(each.beyond.low <= _ALLOWED for each in self.deviations)


def consistency(
    augmentation: BandAugmentation,
    strength: float,
    stack: Tensor,
    *,
    seed: int = 0,
    draws: int = 5,
    colours: tuple[int, int, int] | None = None,
    valid: Tensor | None = None,
) -> AugmentationConsistency:
    """Compare an augmentation with the natural deviation over time.

    Parameters
    ----------
    augmentation, strength
        What is applied to each date by itself.
    stack
        Dates of one place, ``(T, C, rows, columns)``, three at least, in reflectances or any other
        unit that all bands share.
    seed
        Of all draws.
    draws
        How often it is applied; shares are averaged over them.
    colours
        The places of red, green and blue among the bands, from 0.
    valid
        ``(T, 1, rows, columns)``: where a date has data and no cloud; everywhere if None.

    Raises
    ------
    InputError
        If there are less than three dates or two bands, or no pixel has three dates.
    """
    place = _place(stack, valid)
    return _judged(augmentation, strength, place, seed=seed, draws=draws, colours=colours)


@dataclass(frozen=True, eq=False)
class _Place:
    """Dates of one place, and what they do by themselves."""

    stack: Tensor
    known: Tensor
    bands: Bands
    usual: Tensor
    plain: dict[str, Deviations]
    owners: NDArray[np.int_]


def _place(stack: Tensor, valid: Tensor | None) -> _Place:
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
    plain = _measured(stack, stack, known, usual)
    return _Place(stack, known, bands, usual, plain, _owners(known))


def _judged(
    augmentation: BandAugmentation,
    strength: float,
    place: _Place,
    *,
    seed: int,
    draws: int,
    colours: tuple[int, int, int] | None,
) -> AugmentationConsistency:
    generator = Generator().manual_seed(seed)
    stack, where = place.stack, place.known[:, 0].numpy()
    moved = [
        _measured(
            augment(augmentation, stack, place.bands, strength, generator, colours), stack,
            place.known, place.usual,
        )
        for _ in range(draws)
    ]  # fmt: skip
    deviations = [
        _compared(
            name, place.plain[name][where], [each[name][where] for each in moved], place.owners,
            seed,
        )
        for name in MEASURES
    ]  # fmt: skip
    return AugmentationConsistency(augmentation.name, strength, deviations)


def _compared(
    name: str,
    plain: Deviations,
    moved: Sequence[Deviations],
    owners: NDArray[np.int_],
    seed: int,
) -> SpectralDeviation:
    limit = float(np.quantile(plain, _NATURAL))
    beyond = bootstrap_interval(
        np.mean([each > limit for each in moved], axis=0), generator=np.random.default_rng(seed),
        subjects=owners.tolist(), method="percentile",
    )  # fmt: skip
    return SpectralDeviation(name, float(plain.mean()), limit, float(np.mean(moved)), beyond)


def _usual(stack: Tensor, known: Tensor) -> Tensor:
    """``(C,)``: the median difference of each band between two dates, over all pairs and places."""
    found = []
    for one, other in combinations(range(len(stack)), 2):
        both = (known[one] & known[other])[0]
        if bool(both.any()):
            found.append((stack[one] - stack[other]).abs()[:, both])
    return torch.cat(found, 1).median(1).values.clamp_min(1e-12)


def _measured(shown: Tensor, stack: Tensor, known: Tensor, usual: Tensor) -> dict[str, Deviations]:
    """Every measure of every pixel, ``(T, rows, columns)``."""
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


def all_consistencies(
    augmentations: Sequence[BandAugmentation],
    stack: Tensor,
    *,
    seed: int = 0,
    draws: int = 5,
    colours: tuple[int, int, int] | None = None,
    valid: Tensor | None = None,
) -> list[AugmentationConsistency]:
    """Judge every augmentation at every strength.

    Parameters
    ----------
    augmentations
        Those that work on colours are left out where no colours are named.
    stack
        Dates of one place, ``(T, C, rows, columns)``.
    seed, draws, colours, valid
        As :func:`consistency`.
    """
    place = _place(stack, valid)
    return [
        _judged(each, strength, place, seed=seed, draws=draws, colours=colours)
        for each in augmentations
        if colours is not None or not each.colours
        for strength in each.strengths
    ]
