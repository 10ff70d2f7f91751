"""Chance: the skill of answers that know nothing of the image, in every bootstrap sample."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from probes.reliance.skill import Rows, TaskKind, averaged_over_labels


def chance(task: TaskKind, truth: Rows, weights: Rows) -> Rows:
    """Return the skill of answers that know nothing of the image.

    Parameters
    ----------
    task
        As :func:`~probes.reliance.skill.skill`. Of ``segmentation`` and ``registration`` the skill
        of a guess is a score of every image, which :func:`~probes.reliance.skill.skill` averages.
    truth
        ``(N,)`` numbers of classes, or ``(N, K)`` zeros and ones.
    weights
        ``(R, N)``, of :func:`~probes.reliance.skill.bootstrap_weights`.

    Returns
    -------
    array
        ``(R,)``. That of ``several-labels`` is the average precision that a random order is
        expected to have. It is more than the frequency of a label, almost five times as much where
        one of 60 images has it; see Bestgen 2015, "Exact expected average precision of the random
        baseline for system evaluation".

    Examples
    --------
    >>> chance("classes", np.array([0.0, 1, 1, 2]), np.ones((1, 4))).round(3).tolist()
    [0.333]
    >>> chance("several-labels", np.eye(60)[:, :1], np.ones((1, 60))).round(3).tolist()
    [0.078]
    """
    if task == "classes":
        return np.full(len(weights), 1 / len(np.unique(truth)))
    if task == "ranking":
        return np.full(len(weights), 0.5)
    if task == "several-labels":
        return averaged_over_labels(_random_precision, truth, weights)
    return np.zeros(len(weights))


def _random_precision(truth: Rows, weights: Rows) -> Rows:
    """The average precision of a random order of the images of a sample.

    Before an image of weight w lie m others, every m equally likely. Of the others, w p of each are
    positive and w q of each are there, so that precision is (w + m p) / (w + m q), whose sum over m
    has a closed form. It is exact where all weights are one.
    """
    shown = (weights > 0).sum(1, keepdims=True)
    others = np.maximum(shown - 1, 1)
    own = weights[:, truth > 0]
    total = own.sum(1, keepdims=True)
    p = (total - own) / others
    q = np.maximum((weights.sum(1, keepdims=True) - own) / others, 1e-12)
    start = np.maximum(own, 1e-12) / q
    harmonic = digamma(shown + start) - digamma(start)
    precision = (shown * p / q + own * (1 - p / q) / q * harmonic) / shown
    found = np.full(len(weights), np.nan)
    np.divide((own * precision).sum(1), total[:, 0], out=found, where=total[:, 0] > 0)
    return found
