"""Test many hypotheses at once: p-values adjusted by the method of Holm."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from regkit.errors import InputError


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values so that any false rejection is as rare as one test alone would have it.

    What is below 0.05 afterwards may be rejected at a family-wise error rate of 5 %, whatever the
    tests have to do with each other (Holm 1979).

    Parameters
    ----------
    p_values
        ``(n,)``, between 0 and 1.

    Returns
    -------
    ndarray
        ``(n,)``, in the same order.

    Raises
    ------
    InputError
        If they are not one row of numbers between 0 and 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    given = np.asarray(p_values, np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise InputError(f"p-values {given.tolist()!r:.80} must be one row of numbers from 0 to 1")
    order = np.argsort(given, kind="stable")
    stepped = given[order] * np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted
