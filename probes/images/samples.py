"""ImageSamples: images and the truth about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from probes.images.bands import Bands
from probes.images.batch import Batch
from regkit.errors import InputError

Predict = Callable[[Tensor], Tensor]
"""Images ``(B, C, *spatial)`` to answers ``(B, K)``, or to logits ``(B, K, *spatial)``."""


@dataclass(frozen=True, eq=False)
class ImageSamples:
    """Images and the truth about them.

    Parameters
    ----------
    images
        ``(N, C, *spatial)``, of any type of number.
    truth
        ``(N,)`` classes or ``(N, K)`` labels of whole images; None where ``labels`` are the truth.
    names
        One an image.
    valid
        ``(N, 1, *spatial)``: where they have data; everywhere if None.
    labels
        ``(N, 1, *spatial)``: label maps, for segmenters.
    subjects
        Whose each image is; each is of a subject of its own if there are none.
    """

    images: Tensor
    truth: NDArray[np.float64] | None
    names: Sequence[str]
    valid: Tensor | None = None
    labels: Tensor | None = None
    subjects: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def batches(self, bands: Bands, size: int) -> Iterator[tuple[int, Batch]]:
        """Give the number of the first image of each batch, and the batch.

        Parameters
        ----------
        bands
            Statistics of the whole data set.
        size
            Images of a batch, at most.
        """
        for first in range(0, len(self), size):
            own = slice(first, first + size)
            yield first, Batch(
                self.images[own].float(), bands,
                None if self.valid is None else self.valid[own],
                None if self.labels is None else self.labels[own],
            )  # fmt: skip


def name_errors(predict: Predict, model: str) -> Predict:
    """Let a model's own errors become a line that names it and what it was shown.

    Parameters
    ----------
    predict
        The model.
    model
        Its name.

    Raises
    ------
    InputError
        When it is asked: for whatever it raises.
    """

    def ask(images: Tensor) -> Tensor:
        try:
            return predict(images)
        except Exception as error:  # whatever somebody else's model raises
            shown = "x".join(map(str, images.shape[1:]))
            first = str(error).strip().split("\n")[0]
            raise InputError(
                f"model {model} cannot take images of {shown} (bands first): {first:.160}"
            ) from error

    return ask
