"""Answers: what a model says of images whose cues are suppressed, one condition after the other."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.samples import ImageSamples, Predict
from probes.reliance.suppressor import suppressor_called
from regkit.errors import InputError

OnShare = Callable[[float], None]
PLAIN = "none"
"""The name of the condition that suppresses nothing."""
_TRIED = 4  # images: one of them may be flat


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
    (_, batch), *_ = samples.batches(bands, _TRIED)
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


@torch.no_grad()
def ask_classifier(
    predict: Predict,
    samples: ImageSamples,
    bands: Bands,
    conditions: Sequence[RelianceCondition],
    *,
    seed: int = 0,
    batch_size: int = 64,
    on_share: OnShare = lambda share: None,
) -> NDArray[np.float32]:
    """Ask a classifier about every image under every condition.

    Parameters
    ----------
    predict
        Images ``(B, C, *spatial)`` to answers ``(B, K)``.
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

    Raises
    ------
    InputError
        If the model does not return one row an image, or returns what is not finite.
    """
    rows: list[list[NDArray[np.float32]]] = [[] for _ in conditions]
    for first, batch in samples.batches(bands, batch_size):
        for number, condition in enumerate(conditions):
            shown = suppress(batch, condition, seed, first)
            found = predict(shown.images)
            if found.ndim != 2 or len(found) != len(shown.images):
                raise InputError(
                    f"the model returns {tuple(found.shape)} for {len(shown.images)} images; a "
                    "classifier returns one row of answers an image"
                )
            if not bool(found.isfinite().all()):
                raise InputError("the model returns answers that are not finite numbers")
            rows[number].append(found.float().cpu().numpy())
            on_share((first + len(batch.images) * (number + 1) / len(conditions)) / len(samples))
    return np.stack([np.concatenate(each) for each in rows])


@torch.no_grad()
def ask_segmenter(
    predict: Predict,
    samples: ImageSamples,
    bands: Bands,
    conditions: Sequence[RelianceCondition],
    *,
    seed: int = 0,
    batch_size: int = 8,
    on_share: OnShare = lambda share: None,
) -> NDArray[np.float32]:
    """Ask a segmenter; where patches move, the labels that it is judged by move along.

    Parameters
    ----------
    predict
        Images ``(B, C, *spatial)`` to logits ``(B, K, *spatial)``, of which 0 is the background.
    samples, bands
        The data set, with label maps, and its statistics.
    conditions
        What is done to the images.
    seed, batch_size, on_share
        As :func:`ask_classifier`.

    Returns
    -------
    array
        ``(conditions, N, 1)``: Dice of each image, the mean over its structures.

    Raises
    ------
    InputError
        If there are no labels, or the model returns another size.
    """
    rows: list[list[NDArray[np.float32]]] = [[] for _ in conditions]
    for first, batch in samples.batches(bands, batch_size):
        for number, condition in enumerate(conditions):
            shown = suppress(batch, condition, seed, first)
            found = predict(shown.images)
            if found.ndim != shown.images.ndim or found.shape[2:] != shown.images.shape[2:]:
                raise InputError(
                    f"the model returns {tuple(found.shape)} for {tuple(shown.images.shape)}; a "
                    "segmenter returns one logit a class and voxel"
                )
            dice = image_dice(found.argmax(1, keepdim=True), _labels(shown))
            rows[number].append(dice[:, None])
            on_share((first + len(batch.images) * (number + 1) / len(conditions)) / len(samples))
    return np.stack([np.concatenate(each) for each in rows])


def _labels(batch: Batch) -> Tensor:
    if batch.labels is None:
        raise InputError("a segmenter is judged by label maps; the data set has none")
    return batch.labels


def image_dice(found: Tensor, labels: Tensor) -> NDArray[np.float32]:
    """Dice of each image, the mean over the structures that its labels have.

    Parameters
    ----------
    found, labels
        ``(B, 1, *spatial)`` whole numbers; 0 is the background.

    Returns
    -------
    array
        ``(B,)``; NaN for an image without structures.

    Examples
    --------
    >>> image_dice(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[1, 1, 1]]])).tolist()
    [0.800000011920929]
    """
    scores = []
    for one, other in zip(found, labels, strict=True):
        values = [value for value in other.unique().tolist() if value]
        dice = [
            float(2 * ((one == v) & (other == v)).sum() / ((one == v).sum() + (other == v).sum()))
            for v in values
        ]
        scores.append(sum(dice) / len(dice) if dice else float("nan"))
    return np.array(scores, np.float32)
