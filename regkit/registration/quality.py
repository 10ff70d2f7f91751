"""Whether a result is right, as far as the images themselves can tell: pass, doubtful or fail."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from regkit.registration.agreement import Agreement

Verdict = Literal["pass", "doubtful", "fail"]
_ORDER: tuple[Verdict, ...] = ("pass", "doubtful", "fail")


@dataclass(frozen=True)
class Evidence:
    """Numbers without units, so that they mean the same for a mouse and an elephant.

    Parameters
    ----------
    placed
        How blocks match through the whole transform.
    aligned
        The same through its affine alone.
    information, elsewhere
        Mutual information of the images in the place that was found, in nats, and the most that
        any of many wrong places has.
    drift
        How far the linear engine goes when it starts from the result, as a share of the extent.
    astray
        How far it ends from there when it starts beside the result and finds a place that fits as
        well or better, as a share of the extent.
    overlap
        Share of the smaller image that lies in the other one.
    stretch, growth
        The largest stretch, as the absolute logarithm of a scale, and the logarithm of the change
        of volume.
    """

    placed: Agreement
    aligned: Agreement
    information: float
    elsewhere: float
    drift: float
    astray: float
    overlap: float
    stretch: float
    growth: float


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name
        What ``run.json`` calls it.
    verdict
        ``pass``, ``doubtful`` or ``fail``.
    value
        What was measured.
    text
        A sentence for a person.
    """

    name: str
    verdict: Verdict
    value: float
    text: str


@dataclass(frozen=True)
class Quality:
    """What all checks together say of a result.

    Parameters
    ----------
    verdict
        ``pass``: nothing speaks against the result. ``doubtful``: look at it before you use it.
        ``fail``: it is hardly right. A pass is no proof.
    checks
        Everything that was looked at.
    evidence
        The numbers behind the checks; see :class:`Evidence`.

    Examples
    --------
    >>> quality = Quality((Check("folding", "doubtful", 0.01, "The map folds in 1 % of it."),))
    >>> quality.verdict, quality.reasons
    ('doubtful', ('The map folds in 1 % of it.',))
    """

    checks: tuple[Check, ...]
    evidence: Evidence | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all checks; doubtful where nothing was checked."""
        return max((check.verdict for check in self.checks), key=_ORDER.index, default="doubtful")

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the checks that did not pass, the gravest first."""
        grave = sorted(self.checks, key=lambda check: -_ORDER.index(check.verdict))
        return tuple(check.text for check in grave if check.verdict != "pass")

    def __str__(self) -> str:
        return " ".join([f"{self.verdict}.", *self.reasons])

    def as_dict(self) -> dict[str, Any]:
        """For ``run.json``."""
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "checks": [asdict(check) for check in self.checks],
            "numbers": None if self.evidence is None else asdict(self.evidence),
        }


def assess(evidence: Evidence, metrics: Mapping[str, float], extent: float) -> Quality:
    """Judge a result.

    Parameters
    ----------
    evidence
        Measured on the prepared pair.
    metrics
        Of :func:`regkit.metrics.summary.summarise`.
    extent
        The longest side of the fixed body, in world units.
    """
    checks = [*_fit(evidence), *_place(evidence), *_shape(evidence), *_map(metrics, extent)]
    return Quality(tuple(checks), evidence)


def _fit(evidence: Evidence) -> Sequence[Check]:
    """Whether the images match where they lie."""
    blocks = evidence.placed
    if not blocks.blocks:
        return [Check("blocks", "doubtful", 0.0, "Too little of the two bodies overlaps to judge.")]
    match = _graded(1 - blocks.matched, _UNMATCHED)
    first = (
        f"{blocks.matched:.0%} of {blocks.blocks} blocks of the fixed body match the warped image "
        f"better than at nine of ten remote places{_MEANING[match]}."
    )
    beside = _graded(evidence.aligned.chance, _CHANCE)
    second = (
        f"Through the affine alone a block matches {evidence.aligned.chance:.0%} of remote places "
        "as well as its own, where unrelated images have half."
    )
    gain = math.log(max(evidence.information, 1e-6) / max(evidence.elsewhere, 1e-6))
    told = _graded(-gain, _GAIN)
    third = (
        f"The images tell {evidence.information:.2f} nats of each other, in the best of many wrong "
        f"places {evidence.elsewhere:.2f}."
    )
    return [
        Check("matched", match, blocks.matched, first),
        Check("chance", beside, evidence.aligned.chance, second),
        Check("information", told, gain, third),
    ]


def _place(evidence: Evidence) -> Sequence[Check]:
    """Whether the place is the only one."""
    stable = _graded(evidence.astray, _ASTRAY)
    steady = _graded(evidence.drift, _DRIFT)
    covered = _graded(1 - evidence.overlap, _MISSING)
    return [
        Check(
            "astray", stable, evidence.astray,
            f"Started beside the result, the linear engine ends {evidence.astray:.1%} of the "
            "body's extent away from it, in a place that fits as well.",
        ),
        Check(
            "drift", steady, evidence.drift,
            f"Started at the result, the linear engine leaves it by {evidence.drift:.1%} of the "
            "body's extent.",
        ),
        Check(
            "overlap", covered, evidence.overlap,
            f"{evidence.overlap:.0%} of the smaller image lies in the other one.",
        ),
    ]  # fmt: skip


def _shape(evidence: Evidence) -> Sequence[Check]:
    """Whether one body can be the other."""
    stretch = math.exp(evidence.stretch)
    growth = math.exp(abs(evidence.growth))
    return [
        Check(
            "stretch", _graded(evidence.stretch, _STRETCH), stretch,
            f"The affine stretches by up to {stretch:.2f}.",
        ),
        Check(
            "growth", _graded(abs(evidence.growth), _GROWTH), growth,
            f"The affine changes the volume by a factor of {growth:.2f}.",
        ),
    ]  # fmt: skip


def _map(metrics: Mapping[str, float], extent: float) -> Sequence[Check]:
    """Whether the map can be one of a body."""
    share = metrics.get("folding", 0.0)
    text = "The map does not fold." if share == 0 else f"The map folds in {share:.3%} of the body."
    checks = [Check("folding", _graded(share, _FOLDING), share, text)]
    error = metrics.get("inverse_consistency_p95")
    if error is None or not math.isfinite(error):
        nothing = "The inverse could not be checked: no point maps into the moving image."
        return [*checks, Check("inverse", "fail", float("nan"), nothing)]
    returned = (
        f"Forward and back, 95 % of the points return within {error / extent:.2%} of the extent."
    )
    return [*checks, Check("inverse", _graded(error / extent, _INVERSE), error, returned)]


def _graded(value: float, bounds: tuple[float, float]) -> Verdict:
    """``pass`` up to the first bound, ``doubtful`` up to the second, ``fail`` above it."""
    if math.isnan(value):
        return "doubtful"
    return "pass" if value <= bounds[0] else "doubtful" if value <= bounds[1] else "fail"


# What passes, and what is doubtful; above that it fails. Chosen on one half of the hard pairs and
# of failures made from them, judged on the other: `python -m benchmarks.quality_calibration`.
_UNMATCHED = (0.1, 0.3)
_CHANCE = (0.05, 0.15)
_GAIN = (-0.6, -0.2)
_ASTRAY = (0.03, 0.08)
_DRIFT = (0.03, 0.08)
_MISSING = (0.5, 0.9)
_STRETCH = (0.26, 0.45)
_GROWTH = (0.5, 0.9)
_FOLDING = (0.0005, 0.01)
_INVERSE = (0.01, 0.05)
_MEANING = {"pass": "", "doubtful": ": a part of the body may be in a wrong place", "fail": ""}
