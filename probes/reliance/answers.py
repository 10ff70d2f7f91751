"""Answers: images whose cues are suppressed, one condition after the other, as models are asked."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.samples import ImageSamples
from probes.reliance.suppressor import suppressor_called
from regkit.errors import InputError

OnShare = Callable[[float], None]
PLAIN = "none"
"""The name of the condition that suppresses nothing."""
_TRIED = 8  # images, from all of the data set: some may be flat


@dataclass(frozen=True)
class RelianceCondition:
    """One suppressor at one level, drawn once.

    Parameters
    ----------
    suppressor
        Its name, or ``none``.
    level
        Its number, from 1.
    strength
        In the unit of the suppressor.
    draw
        Its number, from 0.
    """

    suppressor: str = PLAIN
    level: int = 0
    strength: float = 0.0
    draw: int = 0

    def seed(self, seed: int, first: int) -> int:
        """Return a seed of its own for the batch that begins at image ``first``."""
        words = f"{seed} {self.suppressor} {self.strength:.9g} {self.draw} {first}"
        return zlib.crc32(words.encode())


def conditions_of(
    suppressors: Sequence[str], draws: int, levels: dict[str, tuple[float, ...]] | None = None
) -> list[RelianceCondition]:
    """List what a study asks: the plain images first, then every level of every suppressor.

    Parameters
    ----------
    suppressors
        Their names.
    draws
        How often each random one is drawn; the others give the same every time.
    levels
        Strengths of suppressors that are not to have their own.

    Raises
    ------
    InputError
        If there is no suppressor of a name.

    Examples
    --------
    >>> len(conditions_of(["gaussian", "band-exchange"], 3))
    9
    """
    found = [RelianceCondition()]
    for name in suppressors:
        suppressor = suppressor_called(name)
        strengths = (levels or {}).get(name, suppressor.levels)
        found += [
            RelianceCondition(name, number, strength, draw)
            for number, strength in enumerate(strengths, start=1)
            for draw in range(draws if suppressor.is_random else 1)
        ]
    return found


def suppress(batch: Batch, condition: RelianceCondition, seed: int, first: int) -> Batch:
    """Apply a condition to a batch.

    Parameters
    ----------
    batch
        Images.
    condition
        What is done to them.
    seed
        Of the study.
    first
        The number of the first image in its data set: the same images have the same draws.

    Raises
    ------
    InputError
        If the images do not suit the suppressor.
    """
    if condition.suppressor == PLAIN:
        return batch
    generator = Generator().manual_seed(condition.seed(seed, first))
    return suppressor_called(condition.suppressor)(batch, condition.strength, generator)


def check_conditions(
    samples: ImageSamples, bands: Bands, conditions: Sequence[RelianceCondition]
) -> dict[RelianceCondition, str]:
    """Try every condition on a few images.

    Parameters
    ----------
    samples, bands
        The data set and its statistics.
    conditions
        What a study asks.

    Returns
    -------
    dict
        Why those that cannot be applied to these images cannot, or that they change nothing.
    """
    refused: dict[RelianceCondition, str] = {}
    few = samples.at(range(0, len(samples), max(1, len(samples) // _TRIED)))
    (_, batch), *_ = few.batches(bands, len(few))
    for condition in conditions:
        first = replace(condition, draw=0)
        reason = refused.get(first, "") if condition.draw else _refusal(batch, condition)
        if reason:
            refused[condition] = reason
    return refused


def _refusal(batch: Batch, condition: RelianceCondition) -> str:
    if condition.suppressor == PLAIN:
        return ""
    try:
        found = suppress(batch, condition, 0, 0)
    except InputError as error:
        return str(error)
    if torch.equal(found.images, batch.images):
        size = "x".join(map(str, batch.shape))
        return (
            f"{condition.suppressor} at {condition.strength:g} changes nothing in images of {size}"
        )
    return ""


OnBatch = Callable[[Batch], NDArray[np.float32]]
"""Suppressed images to one row of answers or scores for each, ``(B, K)``."""


@torch.no_grad()
def ask_all(
    ask: OnBatch,
    samples: ImageSamples,
    bands: Bands,
    conditions: Sequence[RelianceCondition],
    *,
    seed: int = 0,
    batch_size: int = 64,
    on_share: OnShare = lambda share: None,
) -> NDArray[np.float32]:
    """Ask about every image under every condition.

    Parameters
    ----------
    ask
        What is asked about a batch.
    samples, bands
        The data set and its statistics.
    conditions
        What is done to the images.
    seed
        Of all draws.
    batch_size
        Images that are shown at once; draws depend on it.
    on_share
        Called with the share that is done.

    Returns
    -------
    array
        ``(conditions, N, K)``.
    """
    rows: list[list[NDArray[np.float32]]] = [[] for _ in conditions]
    for first, batch in samples.batches(bands, batch_size):
        for number, condition in enumerate(conditions):
            rows[number].append(ask(suppress(batch, condition, seed, first)))
            on_share((first + len(batch.images) * (number + 1) / len(conditions)) / len(samples))
    return np.stack([np.concatenate(each) for each in rows])
