"""Measure how structures change between two visits of one person."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from probes.progression.checking import check_visits, plausibility
from probes.progression.config import ProgressionConfig
from probes.progression.halfway import HalfWay, mean_rigid, meet_half_way
from probes.progression.velocity import VelocityFound, find_velocity
from probes.progression.volumes import StructureChange, flow_of, structure_changes
from regkit.geometry.affines import Matrix, apply_affine
from regkit.kernels.fields import exponential
from regkit.preprocess.foreground import foreground
from regkit.registration.pipeline import register
from regkit.registration.quality import Quality
from regkit.report import Check
from regkit.transforms import Affine, Transform, compose
from regkit.transforms.displacement import from_index
from regkit.volume import Labels, Volume

FOREGROUND = "foreground"
_UNDECIDED = (
    "{}: the interval of its change, {:+.2f} to {:+.2f} %, holds 0: noise alone could make such a "
    "change."
)
OnStep = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Progression:
    """What changed between two visits.

    Parameters
    ----------
    changes
        Of each structure.
    jacobian
        Determinant of the map from baseline to follow-up on the grid of the baseline: how much of
        itself each voxel becomes.
    transform
        World points of the baseline to world points of the follow-up.
    pair
        The visits half-way between them.
    found
        The velocity there.
    checks
        Whether the visits can be of one person.
    notes
        What a reader should know.
    """

    changes: tuple[StructureChange, ...]
    jacobian: Volume
    transform: Transform
    pair: HalfWay
    found: VelocityFound
    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    @property
    def plausible(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


def measure_progression(
    baseline: Volume,
    follow_up: Volume,
    labels: Labels | None = None,
    *,
    structures: Mapping[str, Sequence[int]] | None = None,
    config: ProgressionConfig | None = None,
    rigid: Matrix | None = None,
    on_step: OnStep | None = None,
) -> Progression:
    """Measure by how much structures of one person grow or shrink between two visits.

    Both visits are read half-way between them, by the square root of a rigid motion that is the
    mean of both directions, each interpolated once; a velocity between them is found by a symmetric
    registration; the Jacobian determinant of its flow is integrated over each structure.

    Parameters
    ----------
    baseline, follow_up
        3-D images of one channel and one contrast in one world (mm): brains without their skull, or
        whole heads.
    labels
        Structures of the baseline, on its grid; without them the foreground of the baseline is the
        only one.
    structures
        Names, and the labels that each stands for; every label on its own if None.
    config
        Settings.
    rigid
        ``(4, 4)``, world points of the baseline to those of the follow-up, where it is known; it is
        estimated if None.
    on_step
        Told what is being done, and the share of it that is.

    Returns
    -------
    Progression
        Changes in percent of the baseline's volume, with what the noise of the images makes of
        them; and checks that say whether the visits can be of one person.

    Raises
    ------
    InputError
        If the images or labels cannot be used together.
    """
    config, tell = config or ProgressionConfig(), on_step or _quiet
    check_visits(baseline, follow_up, labels)
    tell("rigid", 0.0)
    motion, quality = _motion(baseline, follow_up) if rigid is None else (rigid, None)
    pair = meet_half_way(baseline, follow_up, motion, config)
    found = find_velocity(pair, config, lambda share: tell("velocity", share))
    regions, groups, notes = _regions(baseline, labels, structures)
    changes = structure_changes(regions, groups, found, pair.turn)
    errors = _errors(
        pair, found, config, lambda v: structure_changes(regions, groups, v, pair.turn), tell
    )
    if errors is not None:
        changes = [
            replace(each, error=error, repeats=config.repeats)
            for each, error in zip(changes, errors, strict=True)
        ]
        notes += [_UNDECIDED.format(each.name, *each.interval) for each in changes if _open(each)]
    jacobian = _jacobian(baseline, found, pair.turn)
    checks = plausibility(quality, found, jacobian, foreground(baseline))
    turn = Affine(pair.turn)
    transform = compose(turn, _displacement(found), turn)
    ends = transform.between(baseline.grid.world, follow_up.grid.world)
    return Progression(tuple(changes), jacobian, ends, pair, found, checks, tuple(notes))


def _open(change: StructureChange) -> bool:
    """Whether it is not known if a structure grew or shrank."""
    low, high = change.interval
    return low < 0 < high


def _quiet(step: str, share: float) -> None:
    """Tell nobody."""


def _motion(baseline: Volume, follow_up: Volume) -> tuple[Matrix, Quality]:
    """The rigid motion that both directions find on average, and the quality of the first."""
    there = register(baseline, follow_up, preset="fast", transform="rigid")
    back = register(follow_up, baseline, preset="fast", transform="rigid")
    matrices = [_matrix(each.transform) for each in (there, back)]
    return mean_rigid(*matrices), there.quality


def _matrix(transform: Transform) -> Matrix:
    if not isinstance(transform, Affine):
        raise TypeError("a rigid registration gives an affine")
    return transform.matrix


def _regions(
    baseline: Volume, labels: Labels | None, structures: Mapping[str, Sequence[int]] | None
) -> tuple[Labels, Mapping[str, Sequence[int]], list[str]]:
    if labels is None:
        note = (
            "No labels were given: the only structure is the foreground of the baseline, which "
            "holds whatever the image shows, skull and all where it was not taken off."
        )
        return foreground(baseline), {FOREGROUND: (1,)}, [note]
    return labels, structures or {str(value): (value,) for value in labels.values}, []


def _errors(
    pair: HalfWay,
    found: VelocityFound,
    config: ProgressionConfig,
    measure: Callable[[VelocityFound], Sequence[StructureChange]],
    tell: OnStep,
) -> list[float] | None:
    """Standard error of each change: how far it goes when as much noise is added once more."""
    if not config.repeats:
        return None
    generator = torch.Generator().manual_seed(config.seed)
    first = [each.percent for each in measure(_again(pair, found, config))]
    squares = np.zeros(len(first))
    for repeat in range(config.repeats):
        tell("noise", repeat / config.repeats)
        first_visit, second_visit = (each.with_more_noise(generator) for each in pair.visits)
        noisy = replace(pair, visits=(first_visit, second_visit))
        other = [each.percent for each in measure(_again(noisy, found, config))]
        squares += (np.array(other) - np.array(first)) ** 2
    return [math.sqrt(square / config.repeats) for square in squares.tolist()]


def _again(pair: HalfWay, found: VelocityFound, config: ProgressionConfig) -> VelocityFound:
    """The finest level once more, from where it ended."""
    return find_velocity(pair, config, lambda share: None, start=found.v)


def _jacobian(baseline: Volume, found: VelocityFound, turn: Matrix) -> Volume:
    flow, grid = flow_of(found), baseline.grid
    data = torch.ones(grid.shape)
    for rows in grid.slabs(1 << 20):
        points = apply_affine(turn, grid.world_points(rows).numpy().reshape(-1, 3))
        growth = torch.from_numpy(np.exp(flow.carried(points)[1])).float()
        data[rows] = growth.reshape(-1, *grid.shape[1:])
    return Volume(data, grid, "jacobian")


def _displacement(found: VelocityFound) -> Transform:
    return from_index(exponential(found.v), found.grid)
