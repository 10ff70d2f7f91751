"""The way of a pair: from two images to one transform, and everything that is told about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels.backend import set_threads
from regkit.losses.similarity import Similarity
from regkit.metrics.summary import summarise
from regkit.preprocess.intensity import CT_WINDOW, is_ct
from regkit.registration.check import as_mask, check_initial, check_overlap, check_pair
from regkit.registration.choice import choose, linear_similarity, similarity_of
from regkit.registration.config import FieldConfig, RegisterConfig, TuningConfig, make_config
from regkit.registration.devices import resolve_device
from regkit.registration.field import register_field
from regkit.registration.linear import register_linear
from regkit.registration.pair import Pair, prepare
from regkit.registration.planar import (
    drop_field,
    drop_grid,
    drop_matrix,
    lift_matrix,
    lift_transform,
)
from regkit.registration.result import Progress, Result, Stage
from regkit.registration.start import find_start
from regkit.resample import warp
from regkit.transforms import Affine, Chain, DisplacementField, Transform, compose
from regkit.volume.volume import Labels, Volume

if TYPE_CHECKING:
    from regkit.networks.models import Model
    from regkit.networks.steps import Registration

Report = Callable[[Progress], None]


def register(
    fixed: Volume,
    moving: Volume,
    *,
    config: RegisterConfig | None = None,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    initial: Transform | None = None,
    progress: Report | None = None,
    model: str | Model | None = None,
    **options: Any,
) -> Result:
    """Align ``moving`` with ``fixed``.

    Parameters
    ----------
    fixed, moving
        Images of one channel in 2-D or 3-D, on any grids in one world (RAS+ mm).
    config
        What to do; the ``default`` preset if not given.
    fixed_mask, moving_mask
        Where each image counts, on its own grid, above 0.
    initial
        World points of fixed to world points of moving, to start from instead of
        ``config.init``. An affine goes through the rigid and affine engines; a displacement
        (after an affine, or alone) goes to the field engine as it is.
    progress
        Called at every iteration.
    model
        The network that goes before the field engine, over ``config.model``: installed weights,
        a file of them, or what :mod:`regkit.networks.models` made. ``auto`` takes the best
        weights that are installed, or none. ``config.refine`` says what follows.
    options
        Fields of :class:`~regkit.registration.config.RegisterConfig`, over ``config``.

    Returns
    -------
    Result
        With ``transform`` (fixed to moving), ``inverse``, ``warped`` and ``metrics``.

    Raises
    ------
    InputError
        If the images, masks or options cannot be used.

    Examples
    --------
    >>> import regkit as rk
    >>> fixed, moving = rk.read("fixed.nii.gz"), rk.read("moving.nii.gz")  # doctest: +SKIP
    >>> result = rk.register(fixed, moving, similarity="mind", seed=0)  # doctest: +SKIP
    """
    wanted = _configured(config, options)
    check_pair(fixed, moving)
    check_initial(initial, fixed.ndim)
    wanted, network = _network(wanted, model, fixed.ndim)
    if wanted.threads:
        set_threads(wanted.threads)
    pair = prepare(
        fixed,
        moving,
        fixed_mask=as_mask(fixed_mask, fixed),
        moving_mask=as_mask(moving_mask, moving),
        modality=wanted.modality,
        multiple=max(wanted.field.factors),
        max_voxels=wanted.field.max_voxels,
        device=resolve_device(wanted.device),
    )
    found = _find(pair, wanted, network, _Start.of(initial, wanted), progress or _quiet)
    return _result(fixed, moving, pair, wanted, found)


@dataclass(frozen=True)
class _Start:
    """What ``initial`` gives to each engine; 3-D."""

    matrix: Matrix | None = None
    field: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(cls, initial: Transform | None, config: RegisterConfig) -> _Start:
        if initial is None:
            return cls()
        links = _links(initial)
        outer = links[0].matrix if isinstance(links[0], Affine) else np.eye(initial.ndim + 1)
        rest = links[1:] if isinstance(links[0], Affine) else links
        if rest and config.transform != "deformable":
            raise InputError(
                f"the initial transform holds a displacement, which transform="
                f"{config.transform!r} cannot refine; use 'deformable', or give an affine"
            )
        if initial.ndim == 3:
            return cls(outer, compose(*rest) if rest else None)
        return cls(lift_matrix(outer), lift_transform(compose(*rest)) if rest else None)


def _network(
    config: RegisterConfig, model: str | Model | None, ndim: int
) -> tuple[RegisterConfig, Model | None]:
    """The model that was asked for, loaded, and the configuration that names it."""
    wanted = config.model if model is None else model
    if wanted is None or config.transform != "deformable":
        return config, None
    from regkit.networks import models
    from regkit.registration.network import check_dimension

    if isinstance(wanted, str):
        name, _ = models.resolve(wanted)
        wanted = None if name is None else models.load(name)
    if wanted is not None:
        check_dimension(wanted, ndim)
    name = None if wanted is None else wanted.name
    return config.model_copy(update={"model": name}), wanted


@dataclass(frozen=True)
class _Found:
    transform: Transform
    stages: tuple[Stage, ...]
    similarity: str
    reason: str
    inverse: Transform | None = None


def _find(
    pair: Pair, config: RegisterConfig, model: Model | None, start: _Start, report: Report
) -> _Found:
    stages: list[Stage] = []
    if start.matrix is not None and start.field is not None:
        matrix = start.matrix
    else:
        matrix, stages = _linear(pair, config, start.matrix, report)
    name: str = config.similarity
    reason = "asked for"
    if name == "auto":
        name, reason = choose(pair, matrix)
    similarity = similarity_of(name, config.field.radius)
    if config.transform != "deformable":
        matrix, stage = register_linear(
            pair,
            matrix,
            config.transform,
            similarity,
            config.linear,
            report,
            spacings=config.linear.polish,
        )
        return _Found(Affine(_dropped(pair, matrix)), (*stages, stage), name, reason)
    settings, first = config.field, start.field
    if model is not None:
        fields, found = _through(pair, matrix, model, config, similarity, first, report)
        stages.extend(found)
        if config.refine != "field":
            return _unrefined(
                pair, matrix, fields, _Found(Affine.identity(), tuple(stages), name, reason)
            )
        settings, first = _finer(settings), fields[0]
    field, stage = register_field(pair, matrix, similarity, settings, report, start=first)
    transform = compose(Affine(_dropped(pair, matrix)), _flat(pair, field))
    return _Found(transform, (*stages, stage), name, reason)


def _through(
    pair: Pair,
    matrix: Matrix,
    model: Model,
    config: RegisterConfig,
    similarity: Similarity,
    first: Callable[[Tensor], Tensor] | None,
    report: Report,
) -> tuple[list[DisplacementField], list[Stage]]:
    from regkit.registration.network import register_network

    if first is not None:
        raise InputError(
            "an initial displacement and a model both say where the field starts; give one of them"
        )
    directions = 1 if config.refine == "field" else 2
    tuning = _Tuning(similarity, config.tuning, report)
    fields, stage = register_network(
        pair,
        matrix,
        model,
        config.network,
        report,
        directions=directions,
        tune=tuning if config.refine == "weights" else None,
    )
    return fields, [*tuning.stages, stage]


@dataclass
class _Tuning:
    """Fine-tuning on the pair, and what there is to tell about it."""

    similarity: Similarity
    config: TuningConfig
    report: Report
    stages: list[Stage] = field(default_factory=list)

    def __call__(self, network: Registration, moving: Tensor, fixed: Tensor) -> Registration:
        from regkit.registration.tuning import tuned

        begin, name = time.perf_counter(), self.similarity.name

        def told(step: int, value: float) -> None:
            self.report(Progress("tuning", name, 1, 1, step, self.config.iterations, value))

        found, losses = tuned(network, moving, fixed, self.similarity, self.config, told)
        note = f"{len(losses)} steps, loss {losses[0]:.4f} to {min(losses):.4f}"
        seconds = time.perf_counter() - begin
        self.stages.append(Stage("tuning", name, "torch", seconds, note=note))
        return found


def _unrefined(
    pair: Pair, matrix: Matrix, fields: list[DisplacementField], found: _Found
) -> _Found:
    """The network's own two directions around the affine."""
    there, back = (_flat(pair, field) for field in fields)
    affine = Affine(_dropped(pair, matrix))
    return replace(found, transform=compose(affine, there), inverse=compose(back, affine.inverse()))


def _finer(config: FieldConfig) -> FieldConfig:
    """Without the coarsest level, where what the network saw would be lost."""
    keep = slice(1 if len(config.factors) > 1 else 0, None)
    levels = {"factors": config.factors[keep], "iterations": config.iterations[keep]}
    return config.model_copy(update=levels)


def _flat(pair: Pair, field: DisplacementField) -> DisplacementField:
    return drop_field(field) if pair.planar else field


def _linear(
    pair: Pair, config: RegisterConfig, matrix: Matrix | None, report: Report
) -> tuple[Matrix, list[Stage]]:
    """The start, then the rigid engine, then the affine one."""
    stages: list[Stage] = []
    if matrix is None:
        report(Progress("init", "mi", 1, 1, 0, 1, float("nan")))
        matrix, stage = find_start(pair, config.init)
        stages.append(stage)
    check_overlap(pair, matrix)
    similarity = linear_similarity(config.similarity, config.field.radius)
    spacings = config.linear.spacings
    # What the affine engine improves anyway need not be fine before it.
    plan = {"rigid": spacings[:1], "affine": spacings}
    if config.transform == "rigid":
        plan = {"rigid": spacings}
    for kind, those in plan.items():
        matrix, stage = register_linear(
            pair, matrix, kind, similarity, config.linear, report, spacings=those
        )
        stages.append(stage)
    return matrix, stages


def _dropped(pair: Pair, matrix: Matrix) -> Matrix:
    return drop_matrix(matrix) if pair.planar else matrix


def _result(
    fixed: Volume, moving: Volume, pair: Pair, config: RegisterConfig, found: _Found
) -> Result:
    begin = time.perf_counter()
    # Where the field spreads out, its inverse has detail that the field's own grid cannot hold.
    fine = drop_grid(pair.grid) if pair.planar else pair.grid
    inverse = found.inverse or _inverse(found.transform, fine)
    metrics, jacobian = summarise(
        found.transform,
        inverse,
        fixed.grid,
        _field_grid(found.transform),
        _region(pair),
        moving_grid=moving.grid,
    )
    warped = warp(moving, found.transform, onto=fixed.grid, outside=_outside(moving, config))
    seconds = time.perf_counter() - begin
    return Result(
        fixed=fixed,
        moving=moving,
        warped=warped,
        transform=found.transform,
        inverse=inverse,
        jacobian=jacobian,
        metrics=metrics,
        stages=(*found.stages, Stage("output", "", "", seconds)),
        config=config.model_copy(
            update={"similarity": found.similarity, "device": str(pair.device)}
        ),
        reason=found.reason,
    )


def _inverse(transform: Transform, grid: Grid) -> Transform:
    """The inverse of an affine after a displacement, that of the displacement on ``grid``."""
    return compose(
        *(
            link.inverse(grid) if isinstance(link, DisplacementField) else link.inverse()
            for link in reversed(_links(transform))
        )
    )


def _links(transform: Transform) -> tuple[Transform, ...]:
    return transform.links if isinstance(transform, Chain) else (transform,)


def _field_grid(transform: Transform) -> Grid | None:
    """Of its displacement, if it has one."""
    fields = [link for link in _links(transform) if isinstance(link, DisplacementField)]
    return fields[0].grid if fields else None


def _region(pair: Pair) -> Labels:
    """Where fixed counts, in the dimension of the images."""
    if not pair.planar:
        return pair.region
    return Labels(pair.region.data[:, 0], drop_grid(pair.region.grid))


def _outside(moving: Volume, config: RegisterConfig) -> float:
    """Air for CT, else the darkest value if the image goes below zero, else zero."""
    if config.modality == "ct" or (config.modality == "auto" and is_ct(moving.data)):
        return CT_WINDOW[0]
    return min(0.0, float(moving.data.min()))


def _configured(config: RegisterConfig | None, options: Mapping[str, Any]) -> RegisterConfig:
    if config is None:
        return make_config(**options)
    if "preset" in options:
        raise InputError("preset and config were both given; a config replaces the preset")
    return make_config(file=config.model_dump(), **options) if options else config


def _quiet(_: Progress) -> None:
    """Tell nobody."""
