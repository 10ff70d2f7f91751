"""Registrations: judged by labels, while the same draw suppresses cues of both images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.functions import make_model
from probes.images.model_settings import ModelSettings
from probes.images.pairs import ImagePairs
from probes.reliance.answers import OnShare, RelianceCondition, suppress
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.metrics import dice
from regkit.registration.config import RegisterConfig, load_preset
from regkit.registration.pipeline import register
from regkit.resample import warp
from regkit.settings import validate
from regkit.transforms import Affine, Transform
from regkit.volume import Labels, Volume

RegisterPair = Callable[[Volume, Volume], Transform]
"""Fixed and moving to the transform from world points of fixed to world points of moving."""


def open_registration(settings: ModelSettings) -> RegisterPair:
    """Open a registration.

    Parameters
    ----------
    settings
        ``register=PRESET``, or ``python=MODULE:FUNCTION`` whose function returns a
        :data:`RegisterPair`.

    Raises
    ------
    InputError
        If it is another model, or there is no such preset or function.
    """
    kind, _, tail = settings.source.partition("=")
    if kind == "register":
        config = validate(RegisterConfig, load_preset(tail), tail)
        return lambda fixed, moving: register(fixed, moving, config=config).transform
    if kind == "python":
        return make_model(f"model {settings.name}", tail)
    raise InputError(
        f"model {settings.name}: {settings.source!r:.80} is no registration; give "
        "register=fast, register=default, register=accurate, or python=MODULE:FUNCTION"
    )


def pair_scores(
    align: RegisterPair,
    pairs: ImagePairs,
    bands: Bands,
    conditions: Sequence[RelianceCondition],
    *,
    span: tuple[float, float] | None = None,
    seed: int = 0,
    on_share: OnShare = lambda share: None,
) -> NDArray[np.float32]:
    """Register every pair under every condition, and judge it by the Dice of its labels.

    Parameters
    ----------
    align
        What registers.
    pairs
        Images with their labels, which move with the voxels.
    bands
        Of the fixed images; those of the moving ones have their own.
    conditions
        What is done, by the same draw, to both images of a pair.
    span
        What values of the moving images can be, as :meth:`~probes.images.bands.Bands.of` has it.
    seed
        Of all draws.
    on_share
        Called with the share that is done.

    Returns
    -------
    array
        ``(conditions, N, 1)``.

    Raises
    ------
    InputError
        If the moving images have a constant band, or values beyond the span.
    """
    found = np.zeros((len(conditions), len(pairs), 1), np.float32)
    others = _moving_bands(pairs, span)
    sides = zip(pairs.batches(bands, 1), pairs.moving.batches(others, 1), strict=True)
    for (number, fixed), (_, moving) in sides:
        for place, condition in enumerate(conditions):
            shown = [suppress(batch, condition, seed, number) for batch in (fixed, moving)]
            images = [_volume(*each) for each in zip(shown, pairs.grids[number], strict=True)]
            maps = [_labels(*each) for each in zip(shown, pairs.grids[number], strict=True)]
            found[place, number] = _dice(align(images[0], images[1]), maps[0], maps[1])
            on_share((number + (place + 1) / len(conditions)) / len(pairs))
    return found


def _moving_bands(pairs: ImagePairs, span: tuple[float, float] | None) -> Bands:
    try:
        return Bands.of(pairs.moving.images, pairs.moving.valid, span=span)
    except InputError as error:
        raise InputError(f"moving images: {error}") from None


def unregistered_dice(pairs: ImagePairs) -> NDArray[np.float64]:
    """Return the Dice of labels as they lie, ``(N,)``, which is what no registration is worth.

    Raises
    ------
    InputError
        If the pairs have no labels.
    """
    if pairs.labels is None or pairs.moving.labels is None:
        raise InputError("registrations are judged by labels; these pairs have none")
    scores = []
    maps = zip(pairs.labels, pairs.moving.labels, pairs.grids, strict=True)
    for fixed, moving, (grid, other) in maps:
        stays = Affine.identity(grid.ndim)
        scores.append(_dice(stays, Labels(fixed, grid), Labels(moving, other)))
    return np.array(scores)


def _dice(phi: Transform, fixed: Labels, moving: Labels) -> float:
    values = [value for value in fixed.data.unique().tolist() if value]
    scores = dice(fixed, warp(moving, phi, onto=fixed.grid), values)
    return float(np.mean([scores[value] for value in values]))


def _volume(batch: Batch, grid: Grid) -> Volume:
    valid: Tensor | None = None if batch.valid is None else batch.valid[0, 0]
    return Volume(batch.images[0], grid, valid=valid)


def _labels(batch: Batch, grid: Grid) -> Labels:
    if batch.labels is None:
        raise InputError("registrations are judged by labels; these pairs have none")
    return Labels(batch.labels[0], grid)
