"""What was judged about a registration, and its verdict in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from regkit.registration.quality import Quality
from regkit.registration.result import EngineStage, Result
from regkit.report.checks import Check


def registration_checks(result: Result) -> list[Check]:
    """List what a reader should know before looking at the pictures."""
    judged = [Check(check.verdict == "pass", check.text) for check in result.quality.checks]
    convergence = _convergence(result.stages)
    return [*judged, *([] if convergence is None else [convergence])]


def quality_verdict(quality: Quality) -> str:
    """Say in one sentence, the first of the report, whether the result is right.

    Examples
    --------
    >>> from regkit.registration.quality import QualityCheck
    >>> quality_verdict(Quality((QualityCheck("folding", -1.0, 0.0, "It does not fold."),)))
    'Quality: pass. All automatic checks passed. Judge the fit by the pictures.'
    """
    if not quality.checks:
        return "Quality: not checked. Judge the fit by the pictures."
    odd = sum(check.verdict != "pass" for check in quality.checks)
    count = f"{odd} of {len(quality.checks)} automatic checks did not pass."
    return {
        "pass": "Quality: pass. All automatic checks passed. Judge the fit by the pictures.",
        "doubtful": f"Quality: doubtful. {count} Look closely before you use this result.",
        "fail": f"Quality: fail. {count} The result is probably wrong; do not use it as it is.",
    }[quality.verdict]


def _convergence(stages: Sequence[EngineStage]) -> Check | None:
    levels = [(s.name, level) for s in stages for level in s.levels if level.values]
    if not levels:
        return None
    # The finest level is dear, and presets bound it by what it is worth: that is no finding.
    *coarse, (_, finest) = levels
    bound = list(dict.fromkeys(name for name, level in coarse if not level.converged))
    if bound:
        return Check(
            True,
            f"Reached the iteration limit while still improving: {', '.join(bound)}. "
            "More iterations may improve the fit.",
        )
    if not finest.converged:
        return Check(
            True, f"The finest level used all {len(finest.values)} iterations of the preset."
        )
    return Check(True, "Every stage ran until it no longer improved.")
