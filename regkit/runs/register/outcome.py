"""What a registration has found, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regkit.geometry.world import World
from regkit.io import save, write_transform
from regkit.metrics.structures import StructureScore, structures_csv, worst_structure
from regkit.registration.result import Result
from regkit.runs.register.names import STRUCTURES, stem
from regkit.runs.writing import side_by_side
from regkit.volume import Labels, Volume

if TYPE_CHECKING:
    from regkit.report import Page

# In the version after 0.1 under their old names as well.
_LENGTHS = ("inverse_consistency_", "displacement_")
_STEPS = 2.0**10
_TO_TRY = (
    "Try --init with a rough alignment by hand, masks of what both images show, --similarity mind, "
    "or --transform rigid."
)


@dataclass(frozen=True)
class RegisterOutcome:
    """A result, and what was measured beside it.

    Parameters
    ----------
    preset
        The name of the one that the settings began from; None where that is not known.
    result
        What the registration returned, with the overlap of labels among its metrics.
    labels
        Those of moving, on the grid of fixed, by the names of their files.
    before
        Metrics of the start, under the names that ``result.metrics`` has for the end.
    structures
        How well each labelled structure overlaps, where both images have labels.
    fixed_labels
        Those of fixed, where there are some.
    """

    preset: str | None
    result: Result
    labels: Mapping[str, Labels]
    before: Mapping[str, float]
    structures: tuple[StructureScore, ...] = ()
    fixed_labels: Labels | None = None

    def entries(self, seconds: float) -> dict[str, Any]:
        """See :class:`regkit.runs.job.Outcome`.

        Returns
        -------
        dict
            ``preset``, ``seed``, ``device``, ``config``, ``reason``, ``stages``, ``quality``,
            ``world`` (``unit``, ``axes``, ``crs``: what lengths are measured in), ``metrics``,
            ``metrics_before``, ``worst_structure`` (its label and surface distances, or None) and
            ``label_names`` (of each file of warped labels, by value).
        """
        result, config = self.result, self.result.config.model_dump(mode="json")
        worst = asdict(worst_structure(self.structures)) if self.structures else None
        world = result.fixed.grid.world
        return {
            "preset": self.preset,
            "seed": config["seed"],
            "device": config["device"],
            "config": config,
            "reason": result.reason,
            "stages": [asdict(stage) for stage in result.stages],
            "quality": result.quality.as_dict(),
            "world": asdict(world),
            "metrics": with_old_names(result.metrics, world),
            "metrics_before": dict(self.before),
            "worst_structure": worst,
            "label_names": {
                name: {str(value): each for value, each in labels.names.items()}
                for name, labels in self.labels.items()
            },
        }

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write every file but the report, some side by side."""
        result = self.result
        side_by_side(
            lambda: save(quantize_determinants(result.jacobian), places["jacobian.nii.gz"]),
            lambda: write_transform(result.transform, places["transform.h5"]),
            lambda: write_transform(result.inverse, places["inverse.h5"]),
            lambda: save(result.warped, places["warped.nii.gz"]),
            *(partial(save, labels, places[name]) for name, labels in self.labels.items()),
        )
        if STRUCTURES in places:
            table = structures_csv(self.structures, result.fixed.grid.world.unit)
            places[STRUCTURES].write_text(table, encoding="utf-8")

    def page(self) -> Page:
        """The report, with the labels, the structures and the metrics of the start."""
        from regkit.report.registration.page import registration_page

        own = {} if self.fixed_labels is None else {"labels of fixed": self.fixed_labels}
        return registration_page(
            self.result,
            before=self.before,
            structures=self.structures,
            labels={**own, **{stem(Path(name)): each for name, each in self.labels.items()}},
        )

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """What was noticed, what was done, and what it is worth."""
        stages = record["stages"]
        noticed = [f"notice  {each['note']}" for each in stages if each["name"] == "notice"]
        return *noticed, _summary(record), _quality(record["quality"])


def with_old_names(metrics: Mapping[str, float], world: World) -> dict[str, float]:
    """Add lengths under their names of version 0.1 to metrics, where those tell the truth.

    Examples
    --------
    >>> with_old_names({"displacement_p95": 2.0}, World())
    {'displacement_p95': 2.0, 'displacement_p95_mm': 2.0}
    >>> with_old_names({"displacement_p95": 2.0}, World("m"))
    {'displacement_p95': 2.0}
    """
    lengths = [name for name in metrics if name.startswith(_LENGTHS)] if world.unit == "mm" else []
    return {**metrics, **{f"{name}_mm": metrics[name] for name in lengths}}


def quantize_determinants(jacobian: Volume) -> Volume:
    """Round determinants to multiples of 2**-10, which halves the time to compress them.

    They are off by 5e-4 at most. None becomes 0 by it: the file has the folding that the record
    has.
    """
    near = (jacobian.data * _STEPS).round_().div_(_STEPS)
    lost = near == 0
    near[lost] = jacobian.data[lost]
    return jacobian.with_data(near)


def _quality(quality: Mapping[str, Any]) -> str:
    """One line a person cannot miss."""
    if quality["verdict"] == "pass":
        return f"quality pass; {len(quality['checks'])} checks, judge the fit by the pictures"
    what = "FAIL, hardly right" if quality["verdict"] == "fail" else "DOUBTFUL, look before use"
    advice = f" {_TO_TRY}" if quality["verdict"] == "fail" else ""
    return f"quality {what}: {' '.join(quality['reasons'])}{advice}"


def _summary(record: Mapping[str, Any]) -> str:
    metrics, before = record["metrics"], record["metrics_before"]
    facts = [f"{record['config']['similarity']} ({record['reason']})"]
    if metrics.get("folding") is not None:
        facts.append(f"folding {100 * metrics['folding']:.3g} %")
    if "dice_mean" in before:
        facts.append(f"mean Dice {metrics['dice_mean']:.3f}, {before['dice_mean']:.3f} before")
    if "landmark_error_mean" in before:
        now, was = (each["landmark_error_mean"] for each in (metrics, before))
        facts.append(f"landmarks {now:.3g} apart on average, {was:.3g} before")
    if worst := record["worst_structure"]:
        called = worst["name"] or f"label {worst['label']}"
        facts.append(f"worst Dice {worst['dice']:.3f}, of {called}")
    return f"done    {'; '.join(facts)}; {record['seconds']:.0f} s"
