"""EvaluateOutcome: what a comparison measured, written and said."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regkit.metrics import summarise_dice
from regkit.metrics.landmarks import landmark_metrics
from regkit.metrics.structures import StructureScore, structures_csv
from regkit.runs.lines import describe_deformation
from regkit.runs.register.names import STRUCTURES

LANDMARKS = "landmarks.csv"


@dataclass(frozen=True)
class LandmarkScores:
    """How far landmarks lie from where they should.

    Parameters
    ----------
    names
        Of the landmarks; empty where they have none.
    before, after
        One error a landmark, in the unit of the landmarks, without the transform and with it.
    """

    names: tuple[str, ...]
    before: Sequence[float]
    after: Sequence[float]

    def metrics(self) -> dict[str, float]:
        """Means, the median and the largest error."""
        return {
            "landmark_error_before_mean": float(np.mean(self.before)),
            **landmark_metrics(torch.tensor(self.after)),
            "landmark_error_median": float(np.median(self.after)),
            "landmarks": len(self.after),
        }

    def write(self, path: Path, unit: str) -> None:
        """Write a table with one line a landmark."""
        names = self.names or [str(n) for n in range(1, len(self.after) + 1)]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["landmark", "error_before", "error", "unit"])
            for name, *errors in zip(names, self.before, self.after, strict=True):
                writer.writerow([name, *(f"{each:.9g}" for each in errors), unit])


@dataclass(frozen=True, eq=False)
class EvaluateOutcome:
    """Every structure's and landmark's scores.

    Before is through no transform at all. Structures that one map lacks have no distance.

    Parameters
    ----------
    structures, landmarks
        None where there were none to compare.
    deformation
        How the transform folds and how uneven it is; empty without one.
    tolerance
        Of surfaces, in world units.
    unit
        Of all lengths.
    """

    structures: Sequence[StructureScore] | None
    landmarks: LandmarkScores | None
    deformation: Mapping[str, float]
    tolerance: float
    unit: str

    def entries(self, seconds: float) -> dict[str, Any]:
        """Means and worst cases as metrics."""
        found = dict(self.deformation)
        if self.structures is not None:
            found |= structure_metrics(self.structures) | {"surface_tolerance": self.tolerance}
        if self.landmarks is not None:
            found |= self.landmarks.metrics()
        return {"metrics": found, "unit": self.unit}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the tables."""
        if self.structures is not None:
            text = structures_csv(self.structures, self.unit)
            places[STRUCTURES].write_text(text, encoding="utf-8")
        if self.landmarks is not None:
            self.landmarks.write(places[LANDMARKS], self.unit)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """A line for what was measured of each kind."""
        return tuple(_lines(record["metrics"], self.unit))


def structure_metrics(scores: Sequence[StructureScore]) -> dict[str, float]:
    """Means and worst cases over structures.

    Parameters
    ----------
    scores
        Of structures; one that a map lacks counts as lost, and has no distance.
    """
    dice = summarise_dice({each.label: each.dice for each in scores})
    near = [each.surface_dice for each in scores if each.surface_dice is not None]
    far = [each.surface.hd95 for each in scores if each.surface is not None]
    found = {"dice_mean": dice.mean, "dice_worst": dice.worst, "dice_p5": dice.p5}
    if near:
        found |= {"surface_dice_mean": sum(near) / len(near), "surface_dice_worst": min(near)}
    if far:
        found |= {"hd95_mean": sum(far) / len(far), "hd95_worst": max(far)}
    return {**found, "structures": dice.count, "structures_lost": dice.count - len(far)}


def _lines(metrics: Mapping[str, float], unit: str) -> list[str]:
    lines = []
    if "dice_mean" in metrics:
        apart = f", mean HD95 {metrics['hd95_mean']:.3g} {unit}" if "hd95_mean" in metrics else ""
        within = f"{metrics['surface_tolerance']:.3g} {unit}"
        lines.append(
            f"labels  mean Dice {metrics['dice_mean']:.3f}, mean surface Dice "
            f"{metrics['surface_dice_mean']:.3f} at {within}{apart}"
        )
    if "landmarks" in metrics:
        lines.append(
            f"points  {metrics['landmarks']} landmarks: mean error "
            f"{metrics['landmark_error_mean']:.3g} {unit}, was "
            f"{metrics['landmark_error_before_mean']:.3g}; largest "
            f"{metrics['landmark_error_max']:.3g}"
        )
    if "folding" in metrics:
        lines.append(describe_deformation(metrics))
    return lines
