"""Reduce scores to one number a subject: the unit that is independent of the others."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regkit.errors import InputError


def per_subject(
    values: ArrayLike, subjects: Sequence[Hashable] | None = None
) -> NDArray[np.float64]:
    """Average the scores of each subject, in the order in which subjects first occur.

    Parameters
    ----------
    values
        ``(n,)`` scores.
    subjects
        ``(n,)``: whose each score is; each is of a subject of its own where none are named.

    Raises
    ------
    InputError
        If the values are not finite numbers in one row, the subjects are not as many, or there are
        fewer than two of them.

    Examples
    --------
    >>> per_subject([1.0, 3.0, 5.0], ["a", "a", "b"]).tolist()
    [2.0, 5.0]
    """
    scores = _scores(values)
    if subjects is not None:
        scores = _means(scores, subjects)
    if len(scores) < 2:
        raise InputError(f"{len(scores)} subject; at least 2 are needed to tell how they vary")
    return scores


def paired_differences(
    first: ArrayLike, second: ArrayLike, subjects: Sequence[Hashable] | None = None
) -> NDArray[np.float64]:
    """Return ``first`` minus ``second`` of each subject, in the order of :func:`per_subject`.

    Parameters
    ----------
    first, second
        ``(n,)`` scores of two methods on the same images.
    subjects
        ``(n,)``: whose each pair of scores is; each is of a subject of its own where none are
        named.

    Returns
    -------
    NDArray
        ``(subjects,)``, the mean difference of each.

    Raises
    ------
    InputError
        If they are not as many, or :func:`per_subject` raises it.

    Examples
    --------
    >>> paired_differences([1.0, 2.0], [0.5, 1.0]).tolist()
    [0.5, 1.0]
    """
    one, other = _scores(first), _scores(second)
    if len(one) != len(other):
        raise InputError(f"{len(one)} and {len(other)} scores are no pairs; give as many of both")
    return per_subject(one - other, subjects)


def _scores(values: ArrayLike) -> NDArray[np.float64]:
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise InputError(
            f"scores of shape {scores.shape} must be one row of finite numbers; leave out the "
            "subjects that have none"
        )
    return scores


def _means(scores: NDArray[np.float64], subjects: Sequence[Hashable]) -> NDArray[np.float64]:
    if len(subjects) != len(scores):
        raise InputError(f"{len(subjects)} subjects of {len(scores)} scores; name one a score")
    number = {name: n for n, name in enumerate(dict.fromkeys(subjects))}
    whose = np.array([number[name] for name in subjects], np.intp)
    means: NDArray[np.float64] = np.bincount(whose, scores) / np.bincount(whose)
    return means
