"""Features at several widths, and what a linear and a nearest-neighbour probe make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from probes.diagnosis.redundancy.slimming import flops, slim
from probes.diagnosis.redundancy.spectrum import FeatureSpectrum, feature_spectrum
from probes.reliance.skill import Rows, bootstrap_weights, skill
from regkit.errors import InputError, require
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
    """Encode images, maps by their mean.

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
    found = [encoder(own.float()) for own in images.split(batch_size)]
    rows = torch.cat([each.flatten(2).mean(2) if each.ndim > 2 else each for each in found])
    return rows.double().numpy()


def width_curve(
    encoder: nn.Module,
    images: Tensor,
    classes: NDArray[np.int_],
    learnt: NDArray[np.bool_],
    widths: Sequence[float],
    *,
    subjects: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[SlimSkill]:
    """Probe an encoder at several widths.

    Parameters
    ----------
    encoder
        See :func:`~probes.diagnosis.redundancy.slimming.slim`.
    images
        ``(N, C, *spatial)``, on the scale that it was trained with.
    classes
        ``(N,)``.
    learnt
        ``(N,)``: which images the probes are fitted on; they are judged by the others.
    widths
        Shares of channels; the whole encoder is probed besides.
    subjects
        ``(N,)``: whose each image is; none may be on both sides.
    seed, resamples, level
        Of the intervals.

    Raises
    ------
    InputError
        If a side lacks a class or shares a subject with the other one, or the encoder cannot be
        slimmed.
    """
    _check_sides(classes, learnt, subjects)
    owners = None if subjects is None else [subjects[n] for n in np.nonzero(~learnt)[0]]
    weights = bootstrap_weights(
        int((~learnt).sum()), resamples, np.random.default_rng(seed), owners
    )
    most = flops(encoder, images[:1].float())
    chance = 1 / len(np.unique(classes))
    found: list[SlimSkill] = []
    whole: Rows | None = None
    for width in dict.fromkeys((1.0, *sorted(widths, reverse=True))):
        narrow = slim(encoder, width)
        features = encode_images(narrow, images)
        linear, neighbours = (
            skill("classes", said, classes[~learnt].astype(float), weights)
            for said in _probed(features, classes, learnt)
        )
        whole = linear if whole is None else whole
        relative = (linear - chance) / (whole - chance)
        found.append(
            SlimSkill(
                width, flops(narrow, images[:1].float()) / most,
                percentile_interval(linear, level), percentile_interval(neighbours, level),
                percentile_interval(relative, level), feature_spectrum(features), chance,
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


def _check_sides(
    classes: NDArray[np.int_], learnt: NDArray[np.bool_], subjects: Sequence[str] | None
) -> None:
    sides = [set(classes[side].tolist()) for side in (learnt, ~learnt)]
    if sides[0] != sides[1] or len(sides[0]) < 2:
        raise InputError(
            f"probes learn from classes {sorted(sides[0])} and are judged by {sorted(sides[1])}; "
            "both sides need the same classes, two at least"
        )
    both = _owners(subjects, learnt) & _owners(subjects, ~learnt)
    if both:
        raise InputError(f"subject {min(both)} is on both sides; keep all images of one together")


def _owners(subjects: Sequence[str] | None, side: NDArray[np.bool_]) -> set[str]:
    return {owner for owner, own in zip(subjects or (), side, strict=False) if own}
