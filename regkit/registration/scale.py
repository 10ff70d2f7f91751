"""Engines count in millimetres of a human body: a pair of any scale is brought there and back.

Every length in a configuration and in the engines is one of a body of 160 mm (see
:func:`~regkit.preprocess.foreground.unit_length`). Here, and nowhere else, the world is left for
one in which the body of fixed has that size, so that nothing that follows depends on the unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.losses.similarity import Similarity
from regkit.registration.config import RegisterConfig
from regkit.registration.engines import find
from regkit.registration.guides import Guides
from regkit.registration.pair import Pair
from regkit.registration.result import EngineStage, Level, OnEngineProgress
from regkit.registration.state import EngineResult, EngineState
from regkit.transforms import Affine, DisplacementField, Transform, compose, links
from regkit.volume.volume import AnyVolume

if TYPE_CHECKING:
    from regkit.networks.models import Model

_QUANTUM = 2.0**-32  # millimetres; see :func:`_body_grid`


def find_at_body_scale(
    pair: Pair,
    config: RegisterConfig,
    model: Model | None,
    start: EngineState,
    on_progress: OnEngineProgress,
    own: Similarity | None = None,
    guides: Guides | None = None,
) -> EngineResult:
    """Find a transform as :func:`~regkit.registration.engines.find` does, in a world of any scale.

    The engines work in a world in which the body of fixed has the size that settings are meant for.

    Parameters
    ----------
    pair
        The images in their own world, with its ``unit``.
    config
        Which engines run, and how; lengths are in millimetres of a human body.
    model
        The registration network, where one is used.
    start
        What is known before, in the world of ``pair``.
    on_progress
        Called at every iteration of every engine.
    own
        A similarity that is made already, by the name that ``config`` has; made here if None.
    guides
        Labels and landmarks for the deformable engines to bring together, if any, in the world of
        ``pair``.

    Returns
    -------
    Found
        With transforms and the spacings of its stages in the world of ``pair``.
    """
    inside = body_size(pair)
    within = None if guides is None else _guides(guides, inside)
    found = find(
        at_body_scale(pair), config, model, _start(start, inside), on_progress, own, within
    )
    return _found(found, pair.unit)


def at_body_scale(pair: Pair) -> Pair:
    """Bring a pair to the world in which fixed's body has the size that settings are meant for."""
    size = body_size(pair)
    region = _volume(pair.region, size)
    return replace(
        pair,
        fixed=_volume(pair.fixed, size),
        moving=_volume(pair.moving, size),
        region=region,
        scope=region if pair.scope is pair.region else _volume(pair.scope, size),
        fixed_region=pair.fixed_region and _volume(pair.fixed_region, size),
        moving_region=pair.moving_region and _volume(pair.moving_region, size),
        moving_body=_volume(pair.moving_body, size),
        grid=_body_grid(pair.grid, size),
        unit=1.0,
    )


def body_size(pair: Pair) -> Matrix:
    """Scale the world of a pair to millimetres of a human body; a lifted slice stays as thick."""
    return _size(1 / pair.unit, 3, flat=pair.planar)


def _size(factor: float, ndim: int, *, flat: bool = False) -> Matrix:
    size: Matrix = np.diag([factor] * ndim + [1.0])
    if flat:
        size[2, 2] = 1.0
    return size


def _body_grid(grid: Grid, size: Matrix) -> Grid:
    """``grid`` after ``size``, without the last bits.

    They tell what the unit was; optimisers would make hundredths of voxels of them.
    """
    return replace(grid, affine=np.rint(size @ grid.affine / _QUANTUM) * _QUANTUM)


def _volume(volume: AnyVolume, size: Matrix) -> AnyVolume:
    return replace(volume, grid=_body_grid(volume.grid, size))


def _guides(guides: Guides, size: Matrix) -> Guides:
    labels, landmarks = guides.labels, guides.landmarks
    if labels is not None:
        fixed, moving = (_volume(each, size) for each in (labels.fixed, labels.moving))
        labels = replace(labels, fixed=fixed, moving=moving)
    return Guides(labels, landmarks and landmarks.scaled(size))


def _start(start: EngineState, size: Matrix) -> EngineState:
    back = np.linalg.inv(size)
    affines = tuple(size @ each @ back for each in start.affines)
    return replace(
        start, affines=affines, initial=start.initial and _conjugate(start.initial, size)
    )


def _conjugate(phi: Callable[[Tensor], Tensor], size: Matrix) -> Callable[[Tensor], Tensor]:
    inside = Affine(size)
    outside = inside.inverse()
    return lambda x: inside(phi(outside(x)))


def _found(found: EngineResult, unit: float) -> EngineResult:
    return replace(
        found,
        transform=scale_transform(found.transform, unit),
        stages=tuple(_stage(stage, unit) for stage in found.stages),
        inverse=found.inverse and scale_transform(found.inverse, unit),
    )


def scale_transform(phi: Transform, factor: float) -> Transform:
    """Scale the world of a transform: ``x -> factor * phi(x / factor)``.

    Parameters
    ----------
    phi
        World points to world points, in either direction; made of affines and displacements, as
        engines make them.
    factor
        New lengths over old ones.

    Raises
    ------
    TypeError
        If it holds any other transform.
    """
    size = _size(factor, phi.ndim)
    out: list[Transform] = []
    for link in links(phi):
        if isinstance(link, DisplacementField):
            grid = replace(link.grid, affine=size @ link.grid.affine)
            out.append(replace(link, u=link.u * factor, grid=grid, residual=link.residual * factor))
        elif isinstance(link, Affine):
            out.append(replace(link, matrix=size @ link.matrix @ np.linalg.inv(size)))
        else:
            raise TypeError(f"engines make affines and displacements, not {type(link).__name__}")
    return compose(*out)


def _stage(stage: EngineStage, unit: float) -> EngineStage:
    return replace(stage, levels=tuple(_level(level, unit) for level in stage.levels))


def _level(level: Level, unit: float) -> Level:
    return replace(level, spacing=tuple(unit * s for s in level.spacing))
