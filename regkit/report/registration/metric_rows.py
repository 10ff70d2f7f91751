"""The metrics of a result, each in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from regkit.report.values import is_number

_ABSENT = "-"


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
        "Share of voxels in which the transform turns tissue inside out. In real anatomy it is 0.",
    ),
    "folding_working": (
        "Folding, working grid", "%",
        "The same, on the grid on which the deformation was computed.",
    ),
    "log_jacobian_sd": (
        "Spread of the log-Jacobian", "",
        "How unevenly the volume changes from place to place. 0: it changes evenly.",
    ),
    "inverse_consistency_mean": (
        "Inverse consistency, mean", _LENGTH,
        "How far from its start a point ends after it is mapped to moving and back.",
    ),
    "inverse_consistency_p95": (
        "Inverse consistency, 95 %", _LENGTH,
        "95 % of the points come back to within this distance.",
    ),
    "displacement_mean": (
        "Displacement, mean", _LENGTH,
        "How far points move in total, including the shift between the two headers.",
    ),
    "displacement_p95": (
        "Displacement, 95 %", _LENGTH, "95 % of the points move less than this.",
    ),
    "dice_mean": (
        "Dice, mean", "", "Overlap of the labelled structures. 1: complete, 0: none.",
    ),
    "dice_worst": ("Dice, worst", "", "Overlap of the structure that overlaps least."),
    "dice_p5": (
        "Dice, 5th percentile", "", "95 % of the structures overlap better than this.",
    ),
    "landmark_error_mean": (
        "Landmark error, mean", _LENGTH,
        "Distance of the mapped landmarks from their true position.",
    ),
    "landmark_error_max": (
        "Landmark error, largest", _LENGTH,
        "Distance of the landmark that lies farthest from its true position.",
    ),
    "similarity": (
        "Similarity", "", "The value that was minimised, on the result; lower is better.",
    ),
}  # fmt: skip

_GUIDED = "These {} guided the registration, so the value only says how well they were followed."
GUIDED = _GUIDED.format("labels")
_GUIDES = {"dice": GUIDED, "landmark": _GUIDED.format("landmarks")}


def metric_rows(
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None = None,
    *,
    guided: Collection[str] = (),
    unit: str = "mm",
) -> list[MetricRow]:
    """Explain every metric in plain words; names that are not known are shown as they are.

    Parameters
    ----------
    metrics
        Names and values after registration. A name that ends in ``_before`` is one of before it;
        the ending ``_after`` is dropped.
    before
        Further values from before registration.
    guided
        ``dice`` where labels guided the registration, ``landmark`` where landmarks did: their
        metrics are then said to be no independent measure of it.
    unit
        Of lengths.
    """
    earlier, later = _split(metrics)
    earlier |= before or {}
    rows = []
    for name in {**later, **earlier}:
        label, kind, meaning = _KNOWN.get(name, (name.replace("_", " "), "", ""))
        for guide in guided:
            if name.startswith(guide):
                meaning = f"{meaning} {_GUIDES[guide]}"
        shown = unit if kind == _LENGTH else kind
        numbers = [_number(values.get(name), shown) for values in (earlier, later)]
        rows.append(MetricRow(label, numbers[0], numbers[1], meaning))
    return rows


def _split(metrics: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics from before registration, and all others, without the words that say so."""
    earlier = {k.removesuffix("_before"): v for k, v in metrics.items() if k.endswith("_before")}
    later = {k.removesuffix("_after"): v for k, v in metrics.items() if not k.endswith("_before")}
    return earlier, later


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
