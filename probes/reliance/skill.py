"""Skill: what a model's answers are worth, of every bootstrap sample at once.

Samples are weights: how often each image was drawn. The images as they are have weights of one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError

TaskKind = Literal[
    "classes", "ranking", "ordinal", "several-labels", "segmentation", "registration"
]
SCORED: tuple[TaskKind, ...] = ("segmentation", "registration")
"""Tasks whose answers are scores already, one an image."""
Rows = NDArray[np.float64]

METRICS: dict[TaskKind, str] = {
    "classes": "macro accuracy",
    "ranking": "macro area under the ROC curve",
    "ordinal": "quadratic kappa",
    "several-labels": "macro average precision",
    "segmentation": "mean Dice",
    "registration": "mean Dice",
}


def bootstrap_weights(
    count: int,
    resamples: int,
    generator: np.random.Generator,
    subjects: Sequence[Hashable] | None = None,
) -> Rows:
    """Draw subjects with replacement.

    Parameters
    ----------
    count
        How many images there are.
    resamples
        How many samples are drawn.
    generator
        Draws them.
    subjects
        ``(count,)``: whose each image is; each is of a subject of its own where none are named.

    Returns
    -------
    array
        ``(1 + resamples, count)``; the first row is all ones, for the images as they are.

    Examples
    --------
    >>> bootstrap_weights(3, 2, np.random.default_rng(0), "aab")[:, :2].tolist()
    [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    """
    number = {name: n for n, name in enumerate(dict.fromkeys(subjects or range(count)))}
    owners = np.array([number[name] for name in subjects or range(count)])
    drawn = generator.integers(len(number), size=(resamples, len(number)))
    times = np.stack([np.bincount(row, minlength=len(number)) for row in drawn])
    return np.concatenate([np.ones((1, count)), times[:, owners].astype(np.float64)])


def skill(task: TaskKind, answers: Rows, truth: Rows, weights: Rows) -> Rows:
    """Judge the answers of a model in every sample.

    Parameters
    ----------
    task
        ``classes``: the highest answer is the class, judged by accuracy averaged over classes.
        ``ranking``: the order of images by each answer, judged by the area under the ROC curve of
        each class against all others, averaged; no threshold has a part in it.
        ``ordinal``: likewise, judged by quadratically weighted kappa. ``several-labels``: one
        answer a label, judged by average precision. ``segmentation`` and ``registration``: the
        answers are scores already.
    answers
        ``(N, K)``, or ``(N, 1)`` scores.
    truth
        ``(N,)`` numbers of classes, or ``(N, K)`` zeros and ones; not used for scores.
    weights
        ``(R, N)``, from :func:`bootstrap_weights`.

    Returns
    -------
    array
        ``(R,)``. A sample in which it cannot be judged has NaN.
    """
    if task in SCORED:
        return np.asarray((weights @ answers[:, 0]) / weights.sum(1), np.float64)
    if task == "classes":
        return _macro_accuracy(answers.argmax(1), truth.astype(int), weights)
    if task == "ranking":
        each = [_area(answers[:, k], truth == k, weights) for k in np.unique(truth).astype(int)]
        return np.asarray(np.nanmean(np.stack(each), axis=0), np.float64)
    if task == "ordinal":
        return _kappa(answers.argmax(1), truth.astype(int), weights, answers.shape[1])
    return averaged_over_labels(_average_precision, truth, weights, answers)


def check_truth(task: TaskKind, truth: Rows, classes: int | None = None) -> None:
    """Refuse labels that do not fit a task.

    Parameters
    ----------
    task
        As :func:`skill`.
    truth
        As there.
    classes
        How many answers the model gives, where that is known.

    Raises
    ------
    InputError
        Saying what was found and what is allowed.
    """
    if task == "several-labels":
        if truth.ndim != 2 or not np.isin(truth, (0, 1)).all():
            raise InputError(
                "labels of the task several-labels must be rows of 0 and 1; for one class an image "
                "use the task classes"
            )
        found = truth.shape[1]
    else:
        if truth.ndim != 1 or (truth != truth.round()).any() or (truth < 0).any():
            raise InputError(
                f"labels of the task {task} must be one whole number an image, from 0; for several "
                "at once use the task several-labels"
            )
        if len(np.unique(truth)) < 2:
            raise InputError(f"all images have the class {truth[0]:g}; two classes are needed")
        found = int(truth.max()) + 1
    if task == "several-labels" and classes not in (None, found):
        raise InputError(
            f"the data set has {found} labels, the model answers for {classes}: which answer is of "
            "which label is not known; give a data set in which each label occurs"
        )
    if classes is not None and found > classes:
        raise InputError(f"labels name {found} classes, the model answers for {classes}")


def _macro_accuracy(said: NDArray[np.int_], truth: NDArray[np.int_], weights: Rows) -> Rows:
    """Over the classes that a sample has."""
    hits = (said == truth).astype(np.float64)
    found = []
    for value in np.unique(truth):
        own = weights[:, truth == value]
        total = own.sum(1)
        share = np.full(len(weights), np.nan)
        np.divide(own @ hits[truth == value], total, out=share, where=total > 0)
        found.append(share)
    return np.asarray(np.nanmean(np.stack(found), axis=0), np.float64)


def _area(answer: Rows, positive: NDArray[np.bool_], weights: Rows) -> Rows:
    """The share of pairs of a positive and another image that are in order; equals count half."""
    order = np.argsort(answer, kind="stable")
    answer, positive, weights = answer[order], positive[order], weights[:, order]
    last = np.append(answer[1:] != answer[:-1], True)
    ours, others = (
        np.diff((weights * own).cumsum(1)[:, last], axis=1, prepend=0)
        for own in (positive, ~positive)
    )
    pairs = (ours * (others.cumsum(1) - others / 2)).sum(1)
    found = np.full(len(weights), np.nan)
    total = ours.sum(1) * others.sum(1)
    np.divide(pairs, total, out=found, where=total > 0)
    return found


def _kappa(said: NDArray[np.int_], truth: NDArray[np.int_], weights: Rows, classes: int) -> Rows:
    """Cohen's kappa with quadratic weights (Cohen 1968)."""
    cells = np.zeros((len(truth), classes * classes))
    cells[np.arange(len(truth)), truth * classes + said] = 1
    table = (weights @ cells).reshape(-1, classes, classes)
    table /= table.sum((1, 2), keepdims=True)
    cost = np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2.0
    expected = table.sum(2)[:, :, None] * table.sum(1)[:, None, :]
    worst = (expected * cost).sum((1, 2))
    found = np.full(len(weights), np.nan)
    np.divide((table * cost).sum((1, 2)), worst, out=found, where=worst > 0)
    return 1 - found


def averaged_over_labels(
    judge: Callable[..., Rows], truth: Rows, weights: Rows, *more: Rows
) -> Rows:
    """Judge each label by itself, and average over those that a sample has.

    Parameters
    ----------
    judge
        Takes ``(N,)`` of the truth, the weights, and ``(N,)`` of whatever else is given.
    truth, weights
        As :func:`skill`.
    more
        ``(N, K)`` each.
    """
    found = [
        judge(truth[:, k], weights, *(each[:, k] for each in more))
        for k in range(truth.shape[1])
        if truth[:, k].any()
    ]
    return np.asarray(np.nanmean(np.stack(found), axis=0), np.float64)


def _average_precision(truth: Rows, weights: Rows, answer: Rows) -> Rows:
    """The mean of precision at every positive; equal answers count as one threshold."""
    order = np.argsort(-answer, kind="stable")
    answer, truth, weights = answer[order], truth[order], weights[:, order]
    last = np.append(answer[1:] != answer[:-1], True)  # of the answers that are equal
    hits = (weights * truth).cumsum(1)[:, last]
    shown = weights.cumsum(1)[:, last]
    precision = hits / np.maximum(shown, 1e-12)
    gained = np.diff(hits, axis=1, prepend=0)
    found = np.full(len(weights), np.nan)
    np.divide((precision * gained).sum(1), hits[:, -1], out=found, where=hits[:, -1] > 0)
    return found
