"""The network engine: what a trained network sees between two images, in one pass."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.kernels import backend
from regkit.networks.inference import (
    compile_network,
    displacement,
    not_compiled,
    optimize_for_inference,
    precision_of,
)
from regkit.networks.models import Model
from regkit.networks.steps import Registration
from regkit.preprocess.channels import mean_channel
from regkit.preprocess.contrast_transfer import transfer_contrast
from regkit.registration.config import NetworkConfig
from regkit.registration.guides import Guides
from regkit.registration.pair import Pair
from regkit.registration.result import EngineProgress, EngineStage, OnEngineProgress
from regkit.registration.symmetric import mean_with_inverse
from regkit.resample import resample
from regkit.transforms import DisplacementField
from regkit.transforms.displacement import from_index
from regkit.volume.volume import Volume

SHAPE = 175  # what the released networks were trained on
_LEAST_FRAME, _MOST_FRAME = 4, 32  # voxels; the bound keeps memory in bounds

Both = tuple[Tensor, Tensor] | None  # of moving and of fixed
Tune = Callable[[Registration, Tensor, Tensor, Both, Both], Registration]


def register_network(
    pair: Pair,
    affine: Matrix,
    model: Model,
    config: NetworkConfig,
    on_progress: OnEngineProgress,
    *,
    directions: int,
    same_contrast: bool = True,
    tune: Tune | None = None,
    guides: Guides | None = None,
) -> tuple[list[DisplacementField], EngineStage]:
    """Let a network find the displacement that precedes ``affine``: ``phi = affine o (id + u)``.

    The box around fixed's body is stretched to the cube that such networks are trained on, and
    moving is brought there through ``affine``, smoothed as its voxels need. Of several channels
    the network sees the mean.

    Parameters
    ----------
    pair
        The images at body scale.
    affine
        World affine from fixed to moving (4, 4).
    model
        The network, with what it was trained on.
    config
        The shape of the cube, and how the network is compiled and at which precision it runs.
    on_progress
        Called before each direction.
    directions
        1, or 2 for the way back too.
    same_contrast
        Whether the images show one; if not, a network that knows one only is shown moving in
        that of fixed.
    tune
        Makes of the network, the images, where they count and the memberships of ``guides``,
        moving first, one that knows this pair.
    guides
        Labels that ``tune`` is to bring together, if any.

    Returns
    -------
    fields, stage
        World points of fixed to world points of fixed, where moving lies after ``affine``; of
        two directions then its reverse, and each is the mean of what the network sees that way
        and the inverse of what it sees the other way. Around the box they come to rest.

    Raises
    ------
    InputError
        If the network is of another dimension than the images.
    """
    begin = time.perf_counter()
    grid = working_cube(pair.grid, config.shape or model.trained.shape or SHAPE)
    fixed, moving = (image.to(pair.device) for image in _images(pair, affine, grid))
    translated = model.trained.contrast == "one" and not same_contrast
    if translated:
        moving = transfer_contrast(moving, fixed)
    plain = model.network.to(pair.device)
    if tune is not None:
        tuning = time.perf_counter()
        labels = _labels(pair, affine, grid, guides)
        plain = tune(plain, moving, fixed, _weights(pair, affine, grid), labels)
        begin += time.perf_counter() - tuning  # a stage of its own
    network = (
        compile_network(plain)
        if config.compiler == "torch"
        else optimize_for_inference(plain, precision=config.precision)
    )
    found = []
    for number, (source, target) in enumerate(((moving, fixed), (fixed, moving))[:directions]):
        on_progress(EngineProgress("network", model.name, 1, 1, number, directions, math.nan))
        found.append(displacement(network, source, target).cpu())
    if directions == 2:
        there, back = found
        found = [mean_with_inverse(there, back), mean_with_inverse(back, there)]
    if pair.planar:
        found = [torch.cat([torch.zeros_like(u[:1]), u])[:, None] for u in found]
    fields = [at_rest_outside(u, spanning_grid(grid, u.shape[1:])) for u in found]
    note = f"{precision_of(network)}, {'x'.join(map(str, grid.shape))}, {directions} way(s)"
    if translated:
        note += ", moving in fixed's contrast"
    if config.compiler == "torch":
        failure = not_compiled(network)
        note += f", not compiled: {failure}" if failure else ", compiled"
    seconds = time.perf_counter() - begin
    return fields, EngineStage("network", model.name, backend.name(pair.device), seconds, note=note)


def working_cube(box: Grid, size: int) -> Grid:
    """Divide ``box`` into ``size`` voxels on every axis, of any spacing; a slice stays one."""
    return box.with_shape([size if n > 1 else 1 for n in box.shape])


def _images(pair: Pair, affine: Matrix, grid: Grid) -> tuple[Tensor, Tensor]:
    """Fixed, and moving through ``affine``, on ``grid``: ``(1, 1, *shape)``."""
    there = grid.placed(grid.shape, affine @ grid.affine)
    fixed = resample(mean_channel(pair.fixed, pair.shares), grid)
    moving = resample(mean_channel(pair.moving, pair.shares), there)
    return _batch(pair, fixed), _batch(pair, moving)


def _labels(pair: Pair, affine: Matrix, grid: Grid, guides: Guides | None) -> Both:
    """Memberships on ``grid``, moving first: ``(C, *shape)``; None without labels."""
    if guides is None or guides.labels is None:
        return None
    moving, fixed = guides.labels.memberships(affine, grid)
    if pair.planar:
        moving, fixed = moving[:, 0], fixed[:, 0]
    return moving.to(pair.device), fixed.to(pair.device)


def _weights(pair: Pair, affine: Matrix, grid: Grid) -> Both:
    """Where moving and fixed count on ``grid``, if a mask of either was given."""
    if pair.fixed_region is None and pair.moving_region is None:
        return None
    there = grid.placed(grid.shape, affine @ grid.affine)
    found = []
    for mask, onto in ((pair.moving_region, there), (pair.fixed_region, grid)):
        if mask is None:
            found.append(torch.ones(grid.shape))
        else:
            found.append((resample(mask, onto).data[0] > 0).float())
    moving, fixed = (each[0] if pair.planar else each for each in found)
    return moving.to(pair.device), fixed.to(pair.device)


def _batch(pair: Pair, image: Volume) -> Tensor:
    data = image.data[:, 0] if pair.planar else image.data
    return data[None].float().contiguous()


def spanning_grid(grid: Grid, shape: Sequence[int]) -> Grid:
    """Lay ``shape`` voxels from the first voxel centre of ``grid`` to the last on every axis."""
    ratios = [(n - 1) / max(m - 1, 1) for n, m in zip(grid.shape, shape, strict=True)]
    scale = np.diag([*(ratio or 1.0 for ratio in ratios), 1.0])
    return grid.placed(shape, grid.affine @ scale)


def at_rest_outside(u: Tensor, grid: Grid) -> DisplacementField:
    """Let a field go to zero in a frame around ``grid``, wide enough to keep it from folding.

    A border that moves by more than 16 voxels in all is no registration: there it may fold.

    Parameters
    ----------
    u
        ``(3, *grid.shape)`` in voxels of ``grid``; kept as it is there.
    """
    real = [axis for axis, n in enumerate(grid.shape) if n > 1]
    edges = [u.select(1 + axis, end) for axis in real for end in (0, -1)]
    # At a corner of the frame the determinant is 1 - |u_1 + u_2 + u_3| / width.
    farthest = max(float(edge.abs().sum(0).max()) for edge in edges)
    width = min(max(_LEAST_FRAME, math.ceil(2 * farthest)), _MOST_FRAME)
    frame = [width if axis in real else 0 for axis in range(3)]
    padding = [n for n in reversed(frame) for _ in (0, 1)]
    out = functional.pad(u[None], padding, mode="replicate")[0]
    for axis in real:
        out *= _ramp(grid.shape[axis], width).reshape(-1, *[1] * (2 - axis))
    shape = tuple(n + 2 * f for n, f in zip(grid.shape, frame, strict=True))
    return from_index(out, grid.window([-f for f in frame], shape))


def _ramp(size: int, width: int) -> Tensor:
    """1 on ``size`` voxels, falling to 0 over ``width`` more on either side."""
    away = (torch.arange(size + 2 * width) - width - (size - 1) / 2).abs() - (size - 1) / 2
    return (1 - away / width).clamp(0, 1)


def check_dimension(model: Model, ndim: int) -> None:
    """Refuse a model of another dimension than the images before any work.

    Raises
    ------
    InputError
        If it is.
    """
    first = next(value for value in model.network.state_dict().values() if value.ndim > 3)
    if first.ndim - 2 != ndim:
        raise InputError(
            f"model {model.name} was trained on images of {first.ndim - 2} axes, these have "
            f"{ndim}; choose another model"
        )
