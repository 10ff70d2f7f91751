"""Consistency: whether an augmented spectrum still lies among those of its own place.

After Burgert and Demir 2024, "Estimating physical information consistency of channel data
augmentation for remote sensing images": the deviation of a pixel's spectrum within the dates of the
same place is what acquisition and season do to it; an augmentation that moves it further is
physically inconsistent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Generator, Tensor

from probes.diagnosis.augmentation.changes import BandAugmentation, augment
from probes.diagnosis.augmentation.dates import (
    MEASURES,
    NATURAL,
    Deviations,
    ObservedPlace,
    observed_place,
    spectral_deviations,
)
from regkit.statistics import Interval, bootstrap_interval

_ALLOWED = 2 * (1 - NATURAL)


@dataclass(frozen=True)
class SpectralDeviation:
    """How far pixels lie from the other dates of their place, by one measure.

    Parameters
    ----------
    measure
        One of :data:`~probes.diagnosis.augmentation.dates.MEASURES`.
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
    place = observed_place(stack, valid)
    return _judged(augmentation, strength, place, seed=seed, draws=draws, colours=colours)


def _judged(
    augmentation: BandAugmentation,
    strength: float,
    place: ObservedPlace,
    *,
    seed: int,
    draws: int,
    colours: tuple[int, int, int] | None,
) -> AugmentationConsistency:
    generator = Generator().manual_seed(seed)
    stack, where = place.stack, place.known[:, 0].numpy()
    moved = [
        spectral_deviations(
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
    limit = float(np.quantile(plain, NATURAL))
    beyond = bootstrap_interval(
        np.mean([each > limit for each in moved], axis=0), generator=np.random.default_rng(seed),
        subjects=owners.tolist(), method="percentile",
    )  # fmt: skip
    return SpectralDeviation(name, float(plain.mean()), limit, float(np.mean(moved)), beyond)


def all_consistencies(
    augmentations: Sequence[BandAugmentation],
    place: ObservedPlace,
    *,
    seed: int = 0,
    draws: int = 5,
    colours: tuple[int, int, int] | None = None,
) -> list[AugmentationConsistency]:
    """Judge every augmentation at every strength.

    Parameters
    ----------
    augmentations
        Those that work on colours are left out where no colours are named.
    place
        Of :func:`~probes.diagnosis.augmentation.dates.observed_place`.
    seed, draws, colours
        As :func:`consistency`.
    """
    return [
        _judged(each, strength, place, seed=seed, draws=draws, colours=colours)
        for each in augmentations
        if colours is not None or not each.colours
        for strength in each.strengths
    ]
