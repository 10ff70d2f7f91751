"""Combine the numbers of two visits, and divide weights between them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from probes.linear.target import FloatArray
from probes.study.blocks import Column, OpenedFeatures, structure_volumes
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.visits import VisitPair
from regkit.volume import Labels, Volume


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """Two visits in one arm.

    Parameters
    ----------
    images
        Baseline and follow-up, ``(1, *shape)`` in [0, 1], on one working grid.
    structures
        Of the reference, in its world.
    """

    images: tuple[Volume, Volume]
    structures: Labels | None


def combine_visits(
    source: OpenedFeatures, aligned: AlignedPair, vectors: Any, config: ProbeProgressionConfig
) -> dict[Column, FloatArray]:
    """Return the numbers of a pair: those of a network that sees both, or of two visits combined.

    Parameters
    ----------
    source
        Of features.
    aligned
        The pair.
    vectors
        Images to numbers by layer and pooling.
    config
        How those of two visits are combined.
    """
    if source.extractor.images == 2:
        found: dict[Column, FloatArray] = vectors(list(aligned.images))
        return found
    first, second = (vectors([image]) for image in aligned.images)
    return {key: combination_of(first[key], second[key], config.combine) for key in first}


def combination_of(first: FloatArray, second: FloatArray, how: str) -> FloatArray:
    """Combine numbers of two visits.

    Parameters
    ----------
    first, second
        ``(n,)`` each.
    how
        ``difference`` (second less first), ``baseline``, ``follow-up``, or ``both``: ``(2n,)``.
    """
    return {
        "difference": second - first, "baseline": first, "follow-up": second,
        "both": np.concatenate([first, second]),
    }[how]  # fmt: skip


def combined_volumes(pair: VisitPair, config: ProbeProgressionConfig) -> FloatArray:
    """Return the volumes of structures at two visits, combined."""
    first, second = (
        structure_volumes(row.open_labels(), config.structures)
        for row in (pair.baseline, pair.follow_up)
    )
    return combination_of(first, second, config.combine)


def visit_weights(weights: FloatArray, how: str) -> tuple[FloatArray | None, FloatArray | None]:
    """Return by which weights each visit counts in the score of their combination."""
    if how == "both":
        first, second = np.split(weights, 2)
        return first, second
    return (
        {"difference": -weights, "baseline": weights}.get(how),
        {"difference": weights, "follow-up": weights}.get(how),
    )
