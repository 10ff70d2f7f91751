"""The change of volume of structures, by a velocity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from probes.flow import Flow, fill_region
from probes.progression.velocity import VelocityFound
from regkit.geometry.affines import Matrix, apply_affine
from regkit.volume import Labels

_HIGH = 0.975  # quantile, of an interval of 95 %


@dataclass(frozen=True)
class StructureChange:
    """How the volume of one structure changes.

    Parameters
    ----------
    name
        Of the structure.
    labels
        Its values in the label map; empty where it is the whole foreground.
    before, after
        Its volume at either visit in cubic mm: what the labels have at the baseline, and that times
        the mean Jacobian determinant.
    percent
        The change in percent of ``before``; NaN where it is not known.
    error
        Standard error by the noise of the images, in percent; NaN where it was not asked for.
    reason
        Why ``percent`` is not known; empty where it is.
    repeats
        From how many measurements with fresh noise ``error`` comes.

    Examples
    --------
    Four repeats do not know a standard error well: its interval is of 2.8 of them, not of 1.96.

    >>> change = StructureChange("ventricles", (4, 43), 100.0, 105.0, 5.0, error=0.5, repeats=4)
    >>> [round(end, 2) for end in change.interval]
    [3.61, 6.39]
    """

    name: str
    labels: tuple[int, ...]
    before: float
    after: float
    percent: float
    error: float = math.nan
    reason: str = ""
    repeats: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of 95 %, by the noise alone and Student's t; NaN without repeats."""
        reach = self.error * float(student.ppf(_HIGH, self.repeats or math.nan))
        return self.percent - reach, self.percent + reach

    @property
    def percent_of_mean(self) -> float:
        """The change in percent of the mean of both volumes: exchanging visits changes its sign."""
        return 200 * (self.after - self.before) / (self.after + self.before or math.nan)


def flow_of(found: VelocityFound) -> Flow:
    """Return the flow, of world points half-way, of a velocity."""
    linear = found.grid.affine[:3, :3]
    world = np.einsum("ab,b...->a...", linear, found.v.double().numpy())
    return Flow.of(world, found.grid)


def structure_changes(
    labels: Labels, groups: Mapping[str, Sequence[int]], found: VelocityFound, turn: Matrix
) -> list[StructureChange]:
    """Integrate the Jacobian determinant over structures of the baseline.

    Parameters
    ----------
    labels
        Of the baseline, on its grid.
    groups
        Names of structures, and the labels of each.
    found
        The velocity half-way.
    turn
        World points of the baseline to points half-way, ``(4, 4)``.
    """
    flow, values = flow_of(found), labels.data[0].numpy()
    return [
        _change(name, tuple(group), labels, np.isin(values, list(group)), flow, turn)
        for name, group in groups.items()
    ]


def _change(
    name: str, group: tuple[int, ...], labels: Labels, mask: NDArray[np.bool_], flow: Flow,
    turn: Matrix,
) -> StructureChange:  # fmt: skip
    if not mask.any():
        where = labels.name or "the labels"
        reason = f"no voxel of {where} has {' or '.join(map(str, group))}"
        return StructureChange(name, group, 0.0, math.nan, math.nan, reason=reason)
    volume, total, count, outside = float(mask.sum()) * labels.grid.voxel_volume, 0.0, 0, 0
    for points in fill_region(labels.grid, mask):
        half = apply_affine(turn, points)
        index = apply_affine(flow.lattice.inverse_affine, half)
        outside += int(((index < 0) | (index > np.array(flow.lattice.shape) - 1)).any(axis=1).sum())
        total, count = total + float(np.exp(flow.carried(half)[1]).sum()), count + len(points)
    if outside:
        reason = f"{outside / count:.0%} of it lies beyond what both visits show"
        return StructureChange(name, group, volume, math.nan, math.nan, reason=reason)
    ratio = total / count
    return StructureChange(name, group, volume, volume * ratio, 100 * (ratio - 1))
