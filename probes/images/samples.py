"""ImageSamples: images and the truth about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from probes.images.bands import Bands
from probes.images.batch import Batch
from regkit.errors import InputError

Predict = Callable[[Tensor], Tensor]
"""Images ``(B, C, *spatial)`` to answers ``(B, K)``, or to logits ``(B, K, *spatial)``."""

SEEN = 0.5
"""The share of an image that must have data."""
_NAMED = 3


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
    left_out
        Names of images of the data set that are not among these: most of them has no data.
    by_name
        Whether classes were numbered in the order of their names, so that a model must have the
        same ones.
    """

    images: Tensor
    truth: NDArray[np.float64] | None
    names: Sequence[str]
    valid: Tensor | None = None
    labels: Tensor | None = None
    subjects: Sequence[str] | None = None
    left_out: Sequence[str] = ()
    by_name: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def at(self, places: Sequence[int]) -> ImageSamples:
        """Return some of the images with all that is known of them.

        Parameters
        ----------
        places
            Their numbers, from 0.
        """
        kept = list(places)
        return replace(
            self, images=self.images[kept], names=[self.names[n] for n in kept],
            truth=None if self.truth is None else self.truth[kept],
            valid=None if self.valid is None else self.valid[kept],
            labels=None if self.labels is None else self.labels[kept],
            subjects=None if self.subjects is None else [self.subjects[n] for n in kept],
        )  # fmt: skip

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
                self.images[own].float().contiguous(), bands,  # band by band is fast
                None if self.valid is None else self.valid[own],
                None if self.labels is None else self.labels[own],
            )  # fmt: skip


def leave_out_empty(samples: ImageSamples) -> ImageSamples:
    """Leave out images of which less than half has data, and remember their names.

    Raises
    ------
    InputError
        If none is left.
    """
    if samples.valid is None:
        return samples
    seen = samples.valid.flatten(1).float().mean(1) >= SEEN
    if not bool(seen.any()):
        raise InputError(
            f"less than half of each of the {len(samples)} images has data, of {samples.names[0]} "
            f"{100 * float(samples.valid[0].float().mean()):.0f} %; give images that are whole"
        )
    kept = samples.at(seen.nonzero().flatten().tolist())
    names = [name for name, own in zip(samples.names, seen.tolist(), strict=True) if not own]
    return replace(kept, left_out=(*samples.left_out, *names))


def left_out_line(samples: ImageSamples) -> str:
    """Say which images are left out, the first three by name; empty if there are none.

    Examples
    --------
    >>> import torch
    >>> images = ImageSamples(torch.zeros(2, 1, 4, 4), None, ["a", "b"], left_out=["c", "d"])
    >>> left_out_line(images)
    '2 of 4 images are left out, less than half of each has data: c, d'
    """
    names = list(samples.left_out)
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} others" if len(names) > _NAMED else ""
    return (
        f"{len(names)} of {len(samples) + len(names)} images are left out, less than half of each "
        f"has data: {', '.join(names[:_NAMED])}{more}"
    )


def check_named_classes(samples: ImageSamples, classes: int, answers: int) -> None:
    """Refuse a model of other classes, where those of the data set were numbered by their names.

    Parameters
    ----------
    samples, classes
        A data set, and how many classes it has.
    answers
        How many the model answers for.

    Raises
    ------
    InputError
        Naming both numbers.
    """
    if samples.by_name and answers != classes:
        raise InputError(
            f"the data set has {classes} classes, numbered by their names, the model answers for "
            f"{answers}: which is which is not known; give the data set all of them, or a table "
            "with the model's own numbers as labels"
        )


def leave_out_gaps(samples: ImageSamples) -> tuple[ImageSamples, tuple[str, ...]]:
    """Leave out images with pixels without data, where a model would be shown them.

    Parameters
    ----------
    samples
        A data set.

    Returns
    -------
    samples, notices
        Images that are whole, and how many are not, in lines.

    Raises
    ------
    InputError
        If no image is whole.
    """
    if samples.valid is None:
        return samples, ()
    empty = left_out_line(samples)
    kept = samples.valid.flatten(1).all(1).nonzero().flatten().tolist()
    if not kept:
        raise InputError("every image has pixels without data; whole images are needed")
    count = len(samples) - len(kept)
    said = f"{count} of {len(samples)} images have pixels without data and are left out"
    return samples.at(kept), tuple(filter(None, (empty, said if count else "")))


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
