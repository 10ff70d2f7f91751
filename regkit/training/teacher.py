"""Teacher: where two subjects lie in each other, as the classical engine finds it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.networks.steps import unit_points
from regkit.registration.pipeline import register
from regkit.training.subjects import Subject
from regkit.transforms import Transform

Between = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Teacher:
    """Finds the map between two subjects once, which takes seconds, and keeps it."""

    _known: dict[tuple[Subject, Subject], Between] = field(default_factory=dict)

    def __call__(self, fixed: Subject, moving: Subject) -> Between:
        """Displacements ``(1, 3, *shape)`` there and back, in shares of the field of view.

        The first leads from the grid of ``fixed`` to that of ``moving``, the second from that of
        ``moving`` to that of ``fixed``; both know where the bodies lie in their own worlds.
        """
        if (moving, fixed) in self._known:
            there, back = self._known[moving, fixed]
            return back, there
        if (fixed, moving) not in self._known:
            self._known[fixed, moving] = _found(fixed, moving)
        return self._known[fixed, moving]


def _found(fixed: Subject, moving: Subject) -> Between:
    common = [name for name in fixed.modalities if name in moving.modalities]
    names = (common[0], common[0]) if common else (fixed.modalities[0], moving.modalities[0])
    # The threads are those of the loop, which has set them.
    result = register(
        fixed.volume(names[0]), moving.volume(names[1]), threads=torch.get_num_threads()
    )
    return (
        _shares(result.transform, fixed.grid, moving.grid),
        _shares(result.inverse, moving.grid, fixed.grid),
    )


def _shares(phi: Transform, of: Grid, to: Grid) -> Tensor:
    size = torch.tensor(to.shape, dtype=torch.float64) - 1
    points = (to.to_index(phi(of.world_points())) / size).movedim(-1, 0)[None].float()
    return points - unit_points(of.shape, points)
