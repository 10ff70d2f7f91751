"""Make pseudo-labels: where two subjects lie in each other, as the classical engine finds it."""

from __future__ import annotations

import torch
from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.kernels.sampling import unit_points
from regkit.registration.pipeline import register
from regkit.training.subjects import Subject
from regkit.transforms import Transform

Between = tuple[Tensor, Tensor]


def pseudo_displacement(fixed: Subject, moving: Subject, device: torch.device) -> Between:
    """Register two subjects by the classical engine, in both directions.

    A pair is registered once, which takes seconds, whichever way round it is asked for; the result
    lies among the prepared arrays from then on.

    Parameters
    ----------
    fixed, moving
        The subjects; images of a modality that both have are registered, where there is one.
    device
        Where the engine runs, and where the result is put.

    Returns
    -------
    there, back
        Displacements ``(1, 3, *shape)`` in shares of the field of view: from the grid of ``fixed``
        to that of ``moving``, and from that of ``moving`` to that of ``fixed``. Both know where
        the bodies lie in their own worlds.
    """
    one, two = sorted((fixed, moving), key=lambda each: (str(each.rows[0].image), each.mirrored))
    shared = next((name for name in one.modalities if name in two.modalities), None)
    names = shared or one.modalities[0], shared or two.modalities[0]
    made_of = ["between", *one.made_of(names[0]), *two.made_of(names[1])]
    found = one.prepared(made_of, lambda: torch.stack(_found(one, two, names, device)).half())
    there, back = found.to(device).float()
    return (there, back) if one is fixed else (back, there)


def _found(
    fixed: Subject, moving: Subject, modalities: tuple[str, str], device: torch.device
) -> Between:
    # The threads are those of the loop, which has set them.
    result = register(
        fixed.volume(modalities[0]),
        moving.volume(modalities[1]),
        threads=torch.get_num_threads(),
        device=str(device),
    )
    return (
        _shares(result.transform, fixed.grid, moving.grid),
        _shares(result.inverse, moving.grid, fixed.grid),
    )


def _shares(phi: Transform, of: Grid, to: Grid) -> Tensor:
    size = torch.tensor(to.shape, dtype=torch.float64) - 1
    points = (to.to_index(phi(of.world_points())) / size).movedim(-1, 0)[None].float()
    return points - unit_points(of.shape, points)
