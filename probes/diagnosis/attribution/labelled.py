"""LabelledImages: what a diagnosis of attribution can ask about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from probes.images.samples import ImageSamples, leave_out_gaps
from regkit.errors import InputError


def label_matrix(samples: ImageSamples) -> NDArray[np.bool_]:
    """Return which classes are in each image, ``(N, K)``.

    Raises
    ------
    InputError
        If the images have no labels, or classes that are not whole numbers from 0.
    """
    truth = samples.truth
    if truth is None:
        raise InputError("attribution needs a class or labels for each image; there are none")
    if truth.ndim == 2:
        return truth > 0
    if (truth < 0).any() or (truth != truth.round()).any():
        raise InputError("classes must be whole numbers from 0")
    return np.asarray(truth[:, None] == np.arange(int(truth.max()) + 1))


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images that have data everywhere, with their labels.

    Parameters
    ----------
    images
        ``(N, C, *spatial)``.
    labels
        ``(N, K)``: which classes are in each.
    names
        One an image.
    """

    images: Tensor
    labels: NDArray[np.bool_]
    names: Sequence[str]


def whole_images(samples: ImageSamples) -> LabelledImages:
    """Choose the images that have data everywhere.

    Parameters
    ----------
    samples
        A data set.

    Raises
    ------
    InputError
        If there is none, or there are no labels.
    """
    labels = label_matrix(samples)  # the classes are those of the whole data set
    whole, _ = leave_out_gaps(replace(samples, truth=labels.astype(np.float64)))
    return LabelledImages(whole.images.float(), label_matrix(whole), whole.names)
