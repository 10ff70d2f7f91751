"""Segmenters: judged by label maps that go where the voxels go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from probes.images.batch import Batch
from probes.images.samples import Predict
from probes.reliance.answers import OnBatch
from regkit.errors import InputError


def segmenter_scores(predict: Predict) -> OnBatch:
    """Return what asks a segmenter about a batch, and judges each image by its Dice.

    Parameters
    ----------
    predict
        Images ``(B, C, *spatial)`` to logits ``(B, K, *spatial)``, of which 0 is the background.
        Voxels without data count for nothing.

    Raises
    ------
    InputError
        When it is asked: if there are no labels, or the model returns another size, what is not
        finite, or less classes than the labels have.
    """

    def ask(batch: Batch) -> NDArray[np.float32]:
        found, labels = predict(batch.images), _labels(batch)
        _check(found, batch.images, int(labels.max()))
        said = found.argmax(1, keepdim=True)
        if batch.valid is not None:
            said, labels = (each.where(batch.valid, 0) for each in (said, labels))
        return image_dice(said, labels)[:, None]

    return ask


def _labels(batch: Batch) -> Tensor:
    if batch.labels is None:
        raise InputError("a segmenter is judged by label maps; the data set has none")
    return batch.labels


def _check(found: Tensor, images: Tensor, largest: int) -> None:
    if found.ndim != images.ndim or found.shape[2:] != images.shape[2:] or found.shape[1] < 2:
        raise InputError(
            f"the model returns {tuple(found.shape)} for {tuple(images.shape)}; a segmenter "
            "returns one logit a class and voxel, the background among the classes"
        )
    if largest >= found.shape[1]:
        raise InputError(
            f"labels name the structure {largest}, the model answers for 0 to {found.shape[1] - 1}"
        )
    if not bool(found.isfinite().all()):
        raise InputError("the model returns answers that are not finite numbers")


def guessed_dice(labels: Tensor, valid: Tensor | None = None) -> NDArray[np.float64]:
    """Return the Dice of labels drawn at the frequency of each structure, without any image.

    Where a structure fills a share ``p`` of the voxels, ``p`` of what is drawn is right, and so is
    ``p`` of the structure: its Dice is ``p``.

    Parameters
    ----------
    labels
        ``(N, 1, *spatial)``; 0 is the background.
    valid
        ``(N, 1, *spatial)``: where images have data, which alone counts; everywhere if None.

    Returns
    -------
    array
        ``(N,)``.

    Examples
    --------
    >>> import torch
    >>> guessed_dice(torch.tensor([[[0, 0, 0, 1]], [[0, 2, 2, 1]]])).tolist()
    [0.25, 0.375]
    """
    known = labels >= 0 if valid is None else valid
    counted = [one[where] for one, where in zip(labels, known, strict=True)]
    shares = [
        [float((one == value).float().mean()) for value in one.unique().tolist() if value]
        for one in counted
    ]
    return np.array([np.mean(own) for own in shares])


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
    >>> import torch
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
