"""What the numbers mean, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regkit.registration.quality import Quality
from regkit.registration.result import Result
from regkit.report.tables import is_number

_ABSENT = "-"


@dataclass(frozen=True)
class Finding:
    """One sentence about a result, and whether it asks for a closer look."""

    good: bool
    text: str


@dataclass(frozen=True)
class MetricRow:
    """A metric as the table shows it."""

    label: str
    before: str
    after: str
    meaning: str

    @property
    def compared(self) -> bool:
        """Whether there is a value from before registration."""
        return self.before != _ABSENT


# Label, unit, and what it says. The share is shown in percent, a length in the unit of the world.
_LENGTH = "length"
_KNOWN = {
    "folding": (
        "Folding", "%",
        "Share of voxels where the map turns tissue inside out. 0 is physically sound.",
    ),
    "folding_working": (
        "Folding, working grid", "%",
        "The same on the grid that the field was computed on.",
    ),
    "log_jacobian_sd": (
        "Spread of the log-Jacobian", "",
        "How unevenly volume changes from place to place: 0 where it is the same everywhere.",
    ),
    "inverse_consistency_mean": (
        "Inverse consistency, mean", _LENGTH,
        "How far a point lands from where it began after going to moving and back.",
    ),
    "inverse_consistency_p95": (
        "Inverse consistency, 95 %", _LENGTH,
        "95 % of the points come back within this distance.",
    ),
    "displacement_mean": (
        "Displacement, mean", _LENGTH,
        "How far points move in all, the shift between the headers included.",
    ),
    "displacement_p95": (
        "Displacement, 95 %", _LENGTH, "95 % of the points move less than this.",
    ),
    "dice_mean": ("Dice, mean", "", "Overlap of the labelled structures: 1 is perfect."),
    "dice_worst": ("Dice, worst", "", "The structure that overlaps least."),
    "dice_p5": ("Dice, 5th percentile", "", "All but 5 % of the structures overlap better."),
    "landmark_error_mean": (
        "Landmark error, mean", _LENGTH, "Distance of mapped landmarks from their true position.",
    ),
    "similarity": ("Similarity", "", "What was minimised, on the result; lower is better."),
}  # fmt: skip

_GUIDED = "These labels guided the registration: it says how well they were followed."


def metric_rows(
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None = None,
    *,
    guided: bool = False,
    unit: str = "mm",
) -> list[MetricRow]:
    """Every metric in plain words; names that are not known are shown as they are.

    Values from before registration are those in ``before``, and those whose name ends in
    ``_before``; the ending ``_after`` is dropped. Where labels ``guided`` the registration, their
    overlap is told to be no independent measure of it. ``unit`` is that of lengths.
    """
    earlier, later = _split(metrics)
    earlier |= before or {}
    rows = []
    for name in {**later, **earlier}:
        label, kind, meaning = _KNOWN.get(name, (name.replace("_", " "), "", ""))
        if guided and name.startswith("dice"):
            meaning = f"{meaning} {_GUIDED}"
        shown = unit if kind == _LENGTH else kind
        numbers = [_number(values.get(name), shown) for values in (earlier, later)]
        rows.append(MetricRow(label, numbers[0], numbers[1], meaning))
    return rows


def _split(metrics: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics from before registration, and all others, without the words that say so."""
    earlier = {k.removesuffix("_before"): v for k, v in metrics.items() if k.endswith("_before")}
    later = {k.removesuffix("_after"): v for k, v in metrics.items() if not k.endswith("_before")}
    return earlier, later


def findings(result: Result) -> list[Finding]:
    """What a reader should know before looking at the pictures."""
    checks = [Finding(check.verdict == "pass", check.text) for check in result.quality.checks]
    convergence = _convergence(result)
    return [*checks, *([] if convergence is None else [convergence])]


def verdict(quality: Quality) -> str:
    """The first sentence of the report.

    Examples
    --------
    >>> from regkit.registration.quality import Check
    >>> verdict(Quality((Check("folding", -1.0, 0.0, "The map does not fold."),)))
    'Quality: pass. All automatic checks passed. Judge the fit by the pictures.'
    """
    if not quality.checks:
        return "Quality: not checked. Judge the fit by the pictures."
    odd = sum(check.verdict != "pass" for check in quality.checks)
    count = f"{odd} of {len(quality.checks)} automatic checks did not pass."
    return {
        "pass": "Quality: pass. All automatic checks passed. Judge the fit by the pictures.",
        "doubtful": f"Quality: doubtful. {count} Look closely before you use this result.",
        "fail": f"Quality: fail. {count} This result is hardly right; do not use it as it is.",
    }[quality.verdict]


def _convergence(result: Result) -> Finding | None:
    levels = [(s.name, level) for s in result.stages for level in s.levels if level.values]
    if not levels:
        return None
    # The finest level is dear, and presets bound it by what it is worth: that is no finding.
    *coarse, (_, finest) = levels
    bound = list(dict.fromkeys(name for name, level in coarse if not level.converged))
    if bound:
        return Finding(
            True,
            f"Stopped at the bound on iterations while still improving: {', '.join(bound)}. "
            "More iterations may fit better.",
        )
    if not finest.converged:
        return Finding(
            True, f"The finest level ran the {len(finest.values)} iterations that the preset gives."
        )
    return Finding(True, "Every stage stopped because it no longer improved.")


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return _ABSENT
    if not is_number(value):
        return "not measured"
    return _percent(value) if unit == "%" else f"{_short(value)} {unit}".strip()


def _percent(share: float) -> str:
    return f"{_short(100 * share)} %" if share == 0 or share >= 1e-5 else "less than 0.001 %"


def _short(value: float) -> str:
    """Three digits, and never an exponent for a large number."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
