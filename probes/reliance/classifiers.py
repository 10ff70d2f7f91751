"""Classifiers: what they answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probes.images.batch import Batch
from probes.images.samples import Predict
from probes.reliance.answers import OnBatch
from regkit.errors import InputError


def class_answers(predict: Predict) -> OnBatch:
    """Return what asks a classifier about a batch.

    Parameters
    ----------
    predict
        Images ``(B, C, *spatial)`` to answers ``(B, K)``.

    Raises
    ------
    InputError
        When it is asked: if the model does not return one row an image, or returns what is not
        finite.
    """

    def ask(batch: Batch) -> NDArray[np.float32]:
        found = predict(batch.images)
        if found.ndim != 2 or len(found) != len(batch.images):
            raise InputError(
                f"the model returns {tuple(found.shape)} for {len(batch.images)} images; a "
                "classifier returns one row of answers an image"
            )
        if not bool(found.isfinite().all()):
            raise InputError("the model returns answers that are not finite numbers")
        return np.asarray(found.float().cpu().numpy())

    return ask
