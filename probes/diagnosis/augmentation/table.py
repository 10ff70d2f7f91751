"""The table of an audit of augmentations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probes.diagnosis.augmentation.consistency import AugmentationConsistency

_COLUMNS = (
    "augmentation", "strength", "measure", "natural", "limit", "augmented", "beyond", "beyond_low",
    "beyond_high", "consistent",
)  # fmt: skip


def augmentation_rows(found: Sequence[AugmentationConsistency]) -> Iterator[Sequence[object]]:
    """Give the titles, and a row for each augmentation, strength and measure.

    Parameters
    ----------
    found
        Every augmentation at every strength.
    """
    yield _COLUMNS
    for each in found:
        for deviation in each.deviations:
            beyond = deviation.beyond
            yield (
                each.augmentation, each.strength, deviation.measure, deviation.natural,
                deviation.limit, deviation.augmented, beyond.estimate, beyond.low, beyond.high,
                each.consistent,
            )  # fmt: skip
