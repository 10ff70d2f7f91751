"""How the numbers of a study are written."""

from __future__ import annotations

from foundation.studies.summary import FEWEST_FOR_P, Difference, Estimate, Finding


def estimate_text(estimate: Estimate | None, *, sign: bool = False) -> str:
    """Write a mean with its interval and the number of subjects.

    Examples
    --------
    >>> estimate_text(Estimate(0.5, 1)), estimate_text(None)
    ('0.500 (n = 1)', '-')
    """
    if estimate is None:
        return "-"
    number = "+.3f" if sign else ".3f"
    text = f"{estimate.mean:{number}}"
    if estimate.interval is not None:
        low, high = estimate.interval.low, estimate.interval.high
        text += f" [{low:{number}}, {high:{number}}]"
    return f"{text} (n = {estimate.subjects})"


def p_text(difference: Difference | None) -> str:
    """Write the p of a difference, corrected, or why there is none."""
    if difference is None:
        return "-"
    if difference.p_holm is None:
        return f"none: n < {FEWEST_FOR_P}"
    return f"{difference.p_holm:.3g}"


def states_text(finding: Finding) -> str:
    """Write how the cells of a condition ended that are not done."""
    states = {name: count for name, count in finding.states.items() if name != "done"}
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(states.items()))


def share_estimate_text(estimate: Estimate | None, *, sign: bool = False) -> str:
    """Write a mean share in per cent, with its interval and the number of subjects.

    Examples
    --------
    >>> share_estimate_text(Estimate(0.25, 1)), share_estimate_text(Estimate(0.25, 1), sign=True)
    ('25 % (n = 1)', '+25 % (n = 1)')
    """
    if estimate is None:
        return "-"
    number = "+.0f" if sign else ".0f"
    text = f"{100 * estimate.mean:{number}} %"
    if estimate.interval is not None:
        low, high = (100 * each for each in (estimate.interval.low, estimate.interval.high))
        text += f" [{low:{number}}, {high:{number}}]"
    return f"{text} (n = {estimate.subjects})"


def number_text(value: float | None) -> str:
    """Write a number in three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"
