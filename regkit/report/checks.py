"""Check: one thing that was judged automatically, and what all of them say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Grade = Literal["pass", "doubtful", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing that was judged automatically.

    Parameters
    ----------
    passed
        Whether it gives no reason for a closer look.
    text
        A whole sentence for a person.
    """

    passed: bool
    text: str


def grade_of(checks: Sequence[Check]) -> Grade:
    """Grade a result: ``pass`` where nothing asks for a closer look, ``doubtful`` otherwise.

    Examples
    --------
    >>> grade_of([Check(True, "It fits."), Check(False, "It folds.")])
    'doubtful'
    """
    return "pass" if all(check.passed for check in checks) else "doubtful"


def verdict_of(checks: Sequence[Check]) -> str:
    """Sum all checks up in one sentence; empty where there is none.

    Examples
    --------
    >>> verdict_of([Check(True, "It fits."), Check(False, "It folds.")])
    '1 of 2 automatic checks did not pass. Look closely before you use this result.'
    """
    if not checks:
        return ""
    failed = sum(not check.passed for check in checks)
    if not failed:
        return "All automatic checks passed. Judge the result by the pictures."
    return (
        f"{failed} of {len(checks)} automatic checks did not pass. "
        "Look closely before you use this result."
    )
