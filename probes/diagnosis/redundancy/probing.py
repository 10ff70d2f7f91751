"""Features at several widths, and what a linear and a nearest-neighbour probe make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from probes.diagnosis.redundancy.batch_norm import measure_statistics
from probes.diagnosis.redundancy.operations import flops
from probes.diagnosis.redundancy.sides import ProbedImages
from probes.diagnosis.redundancy.slimming import slim
from probes.diagnosis.redundancy.spectrum import FeatureSpectrum, feature_spectrum
from probes.reliance.skill import Rows, bootstrap_weights, skill
from regkit.errors import require
from regkit.statistics import Interval, percentile_interval

_NEIGHBOURS, _STRENGTHS = 5, (0.01, 0.1, 1.0, 10.0)


@dataclass(frozen=True, eq=False)
class SlimSkill:
    """An encoder at one width.

    Parameters
    ----------
    width
        The share of channels that was asked for.
    operations
        Floating-point operations of an image, as a share of those of the whole encoder.
    linear, neighbours
        Macro accuracy of the two probes on images that they were not fitted on, with its interval.
    relative
        ``linear`` as a share of that of the whole encoder, above chance.
    spectrum
        Of the features of all images.
    chance
        The accuracy of a guess.
    """

    width: float
    operations: float
    linear: Interval
    neighbours: Interval
    relative: Interval
    spectrum: FeatureSpectrum
    chance: float


@torch.no_grad()
def encode_images(encoder: nn.Module, images: Tensor, batch_size: int = 32) -> NDArray[np.float64]:
    """Encode images.

    Parameters
    ----------
    encoder
        Images ``(B, C, *spatial)`` to features ``(B, F)`` or maps ``(B, F, *smaller)``.
    images
        ``(N, C, *spatial)``.
    batch_size
        Images that are shown at once.

    Returns
    -------
    array
        ``(N, F)``.
    """
    encoder.eval()
    rows = [pool_features(encoder(own.float())) for own in images.split(batch_size)]
    return torch.cat(rows).double().numpy()


def pool_features(features: Tensor) -> Tensor:
    """Return features ``(B, F)`` as they are, and maps ``(B, F, *spatial)`` by their means.

    Examples
    --------
    >>> pool_features(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3])
    """
    return features.flatten(2).mean(2) if features.ndim > 2 else features


def width_curve(
    encoder: nn.Module,
    probed: ProbedImages,
    widths: Sequence[float],
    *,
    statistics: Literal["stored", "measured"] = "stored",
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[SlimSkill]:
    """Probe an encoder at several widths.

    Parameters
    ----------
    encoder
        See :func:`~probes.diagnosis.redundancy.slimming.slim`.
    probed
        Images on two sides.
    widths
        Shares of channels; the whole encoder is probed besides.
    statistics
        Of batch normalisations: as they are stored, or as each width has them on the images that
        probes learn from.
    seed, resamples, level
        Of the intervals.

    Raises
    ------
    InputError
        If the encoder cannot be slimmed.
    """
    generator = np.random.default_rng(seed)
    judged = probed.classes[~probed.learnt]
    weights = bootstrap_weights(len(judged), resamples, generator, probed.judges)
    one = probed.images[:1].float()
    chance = 1 / len(np.unique(judged))
    found: list[SlimSkill] = []
    whole: Rows | None = None
    for width in dict.fromkeys((1.0, *sorted(widths, reverse=True))):
        narrow = slim(encoder, width)
        if statistics == "measured":
            measure_statistics(narrow, probed.images[torch.from_numpy(probed.learnt)])
        features = encode_images(narrow, probed.images)
        linear, neighbours = (
            skill("classes", said, judged.astype(float), weights)
            for said in _probed(features, probed.classes, probed.learnt)
        )
        whole = linear if whole is None else whole
        relative = (linear - chance) / (whole - chance)
        found.append(
            SlimSkill(
                width, flops(narrow, one) / flops(encoder, one),
                percentile_interval(linear, level), percentile_interval(neighbours, level),
                percentile_interval(relative, level),
                feature_spectrum(features.astype(np.float32)), chance,
            )
        )  # fmt: skip
    return found


def _probed(
    features: NDArray[np.float64], classes: NDArray[np.int_], learnt: NDArray[np.bool_]
) -> tuple[Rows, Rows]:
    """Answers ``(n, K)`` of both probes; the linear one chooses its strength where it learns."""
    linear = require("sklearn.linear_model", extra="probes")
    neighbours = require("sklearn.neighbors", extra="probes")
    scaler = require("sklearn.preprocessing", extra="probes").StandardScaler()
    fitted = scaler.fit_transform(features[learnt])
    asked = scaler.transform(features[~learnt])
    first = linear.RidgeClassifierCV(alphas=_STRENGTHS).fit(fitted, classes[learnt])
    second = neighbours.KNeighborsClassifier(_NEIGHBOURS, metric="cosine").fit(
        fitted, classes[learnt]
    )
    count = int(classes.max()) + 1
    return np.eye(count)[first.predict(asked)], np.eye(count)[second.predict(asked)]
