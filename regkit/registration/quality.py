"""Whether a result is right, as far as the images themselves can tell: pass, doubtful or fail."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from regkit.registration.agreement import Agreement
    from regkit.volume.volume import Volume

Verdict = Literal["pass", "doubtful", "fail"]


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
    chance
        Where the images agree: for each block of fixed the share of remote places that match it as
        well as its own, 0 where it is in place and about 0.5 where it matches no better than by
        chance. Where nothing could be compared it is not ``valid``.
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
    chance: Volume | None = field(default=None, compare=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """All but the map."""
        numbers = asdict(replace(self, chance=None))
        del numbers["chance"]
        return numbers


@dataclass(frozen=True)
class QualityCheck:
    """One thing that was looked at.

    Parameters
    ----------
    name
        What ``run.json`` calls it.
    severity
        Up to 0 it passes, up to 1 it is doubtful, above 1 it fails.
    value
        What was measured.
    text
        A sentence for a person.

    Examples
    --------
    >>> QualityCheck("folding", 0.2, 0.01, "It folds in 1 % of the body.").verdict
    'doubtful'
    """

    name: str
    severity: float
    value: float
    text: str

    @property
    def verdict(self) -> Verdict:
        """``pass``, ``doubtful`` or ``fail``."""
        return "pass" if self.severity <= 0 else "doubtful" if self.severity <= 1 else "fail"


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
    >>> quality = Quality((QualityCheck("folding", 0.2, 0.01, "It folds in 1 %."),))
    >>> quality.verdict, quality.reasons
    ('doubtful', ('It folds in 1 %.',))
    """

    checks: tuple[QualityCheck, ...]
    evidence: Evidence | None = None

    @property
    def severity(self) -> float:
        """That of the gravest check; where nothing was checked it is doubtful."""
        return max((check.severity for check in self.checks), default=0.5)

    @property
    def verdict(self) -> Verdict:
        """That of the gravest check."""
        return QualityCheck("", self.severity, 0.0, "").verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the checks that did not pass, the gravest first."""
        grave = sorted(self.checks, key=lambda check: -check.severity)
        return tuple(check.text for check in grave if check.verdict != "pass")

    def __str__(self) -> str:
        return " ".join([f"{self.verdict}.", *self.reasons])

    def as_dict(self) -> dict[str, Any]:
        """For ``run.json``."""
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "checks": [asdict(check) | {"verdict": check.verdict} for check in self.checks],
            "numbers": None if self.evidence is None else self.evidence.as_dict(),
        }


NOT_CHECKED = Quality(())


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


def _fit(evidence: Evidence) -> Sequence[QualityCheck]:
    """Whether the images match where they lie."""
    gain = math.log(max(evidence.information, 1e-6) / max(evidence.elsewhere, 1e-6))
    informed = QualityCheck(
        "information", _graded(-gain, _GAIN), gain,
        f"The mutual information of the images is {evidence.information:.2f} nats where they lie, "
        f"and at most {evidence.elsewhere:.2f} in many wrong places.",
    )  # fmt: skip
    blocks = evidence.placed
    if blocks.blocks < _FEW:
        few = f"Only {blocks.blocks} blocks of the two bodies overlap, too few to compare."
        return [informed, QualityCheck("blocks", 0.0, blocks.blocks, few)]
    bounds = _SHAPED if evidence.stretch > _RIGID and blocks == evidence.aligned else _IN_PLACE
    return [
        informed,
        QualityCheck(
            "matched", _graded(1 - blocks.matched, _UNMATCHED), blocks.matched,
            f"{_percent(blocks.matched)} of {blocks.blocks} blocks of the body match better where "
            "they lie than at nine out of ten remote places.",
        ),
        QualityCheck(
            "residual", _graded(blocks.known_residual, bounds), blocks.known_residual,
            f"The typical block (median) matches best {blocks.known_residual:.2f} voxels from "
            "where it lies.",
        ),
        QualityCheck(
            "chance", _graded(evidence.aligned.chance, _CHANCE), evidence.aligned.chance,
            f"With the affine alone, {_percent(evidence.aligned.chance)} of remote places match a "
            "block as well as its own place does; for unrelated images it would be half.",
        ),
    ]  # fmt: skip


def _place(evidence: Evidence) -> Sequence[QualityCheck]:
    """Whether the place is the only one."""
    stable = _graded(evidence.astray, _ASTRAY)
    steady = _graded(evidence.drift, _DRIFT)
    covered = _graded(1 - evidence.overlap, _MISSING)
    return [
        QualityCheck("astray", stable, evidence.astray, _other_place(evidence.astray)),
        QualityCheck(
            "drift", steady, evidence.drift,
            "Restarted at the result, the linear engine moves away by "
            f"{_percent(evidence.drift, 1)} of the extent of the body.",
        ),
        QualityCheck(
            "overlap", covered, evidence.overlap,
            f"{_percent(evidence.overlap)} of the smaller image lies inside the other one.",
        ),
    ]  # fmt: skip


def _other_place(astray: float) -> str:
    """What was found by starting beside the result."""
    if astray == 0:
        return "Restarted beside the result, the linear engine finds no other place that fits."
    return (
        f"Restarted beside the result, the linear engine ends {_percent(astray, 1)} of the extent "
        "of the body away from it, in a place that fits as well."
    )


def _shape(evidence: Evidence) -> Sequence[QualityCheck]:
    """Whether one body can be the other."""
    stretch = math.exp(evidence.stretch)
    growth = math.exp(abs(evidence.growth))
    return [
        QualityCheck(
            "stretch", _graded(evidence.stretch, _STRETCH), stretch,
            f"The affine part stretches or shrinks by a factor of up to {stretch:.2f}.",
        ),
        QualityCheck(
            "growth", _graded(abs(evidence.growth), _GROWTH), growth,
            f"The affine part changes the volume by a factor of {growth:.2f}.",
        ),
    ]  # fmt: skip


def _map(metrics: Mapping[str, float], extent: float) -> Sequence[QualityCheck]:
    """Whether the map can be one of a body."""
    share = metrics.get("folding", 0.0)
    folds = f"The transform folds in {_percent(share, 3)} of the body."
    text = folds if share else "The transform does not fold."
    checks = [QualityCheck("folding", _graded(share, _FOLDING), share, text)]
    error = metrics.get("inverse_consistency_p95", math.nan)
    if not math.isfinite(error):
        nothing = "The inverse could not be checked: no point maps into the moving image."
        return [*checks, QualityCheck("inverse", 2.0, error, nothing)]
    share = error / extent
    returned = (
        "Mapped to moving and back, 95 % of the points return to within "
        f"{_percent(share, 2)} of the extent of the body."
    )
    return [*checks, QualityCheck("inverse", _graded(share, _INVERSE), error, returned)]


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def _graded(value: float, bounds: tuple[float, float]) -> float:
    """0 at the first bound, 1 at the second: up to where it passes, and from where it fails."""
    if math.isnan(value):
        return 0.5
    return (value - bounds[0]) / (bounds[1] - bounds[0])


# Up to where it passes, and from where it fails. Chosen on one half of the hard pairs and of
# failures made from them, judged on the other: `python -m benchmarks.calibration`.
_FEW = 10  # blocks
_RIGID = 1e-6  # stretch of an affine that is none
_UNMATCHED = (0.2, 0.5)
_IN_PLACE = (0.7, 2.2)  # voxels: one body, or two that a field brought together
_SHAPED = (1.5, 2.5)  # voxels: an affine leaves two bodies apart in detail
_CHANCE = (0.1, 0.25)
_GAIN = (-0.4, -0.05)
_ASTRAY = (0.02, 0.06)
_DRIFT = (0.02, 0.05)
_MISSING = (0.5, 0.95)
_STRETCH = (0.3, 0.5)
_GROWTH = (0.5, 1.4)  # a newborn and an adult: 1.2
_FOLDING = (0.0005, 0.01)
_INVERSE = (0.01, 0.05)
