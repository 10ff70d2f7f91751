"""What speaks for a result and against it, measured on the prepared pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from regkit.geometry.affines import Matrix, about, apply_affine, homogeneous, rotation
from regkit.losses.mutual_information import MutualInformation
from regkit.losses.similarity import Similarity
from regkit.registration.agreement import Agreement, PairBlocks, block_grid
from regkit.registration.comparison import in_voxels
from regkit.registration.linear import motion_of, optimize_affine
from regkit.registration.linear_loss import evaluate, linear_level, warp_level
from regkit.registration.linear_parameters import stretches
from regkit.registration.pair import LevelPair, Pair, inverse_if, smaller_first
from regkit.registration.planar import drop_volume
from regkit.registration.quality import Evidence
from regkit.transforms import DisplacementField
from regkit.volume.volume import Volume

_COARSE = 22  # voxels along the longest side, where other starts are tried
_SHIFT = 0.06  # of the extent
_TURN = 0.14  # radians
_STARTS = 3
_PLACES = 24
_ALIKE = 0.03  # share of information: places that fit that much worse are none
_FEW = 10  # blocks


def gather(pair: Pair, affine: Matrix, field: DisplacementField | None) -> Evidence:
    """Gather the evidence by which a result is judged; see :mod:`regkit.registration.quality`.

    Parameters
    ----------
    pair
        The images at body scale.
    affine
        World affine from fixed to moving (4, 4).
    field
        The 3-D displacement before the affine, fixed to fixed in world units, so that
        ``affine o field`` is judged; None to judge the affine alone.
    """
    seen, exchanged = smaller_first(pair)
    matrix = inverse_if(exchanged, affine)
    aligned, chance = _agreement(seen, matrix, None)
    if exchanged:  # moving's blocks, where they come to lie
        chance = replace(chance, grid=chance.grid.placed(chance.shape, matrix @ chance.affine))
    placed = aligned
    if field is not None:
        through, where = _agreement(pair, affine, field)
        if through.blocks >= _FEW:  # else what lies in both is known from the smaller image
            placed, chance = through, where
    extent = float(np.max(np.array(seen.grid.shape) * np.array(seen.grid.spacing)))
    similarity = pair.compared_by(MutualInformation())
    coarse = linear_level(seen, extent / _COARSE, similarity)
    information = -evaluate(coarse, matrix, similarity)
    drift, astray = _stability(coarse, matrix, similarity, planar=pair.planar)
    scales = stretches(affine[:3, :3])
    return Evidence(
        placed=placed,
        aligned=aligned,
        information=information,
        elsewhere=_elsewhere(coarse, matrix, similarity, extent),
        drift=drift / extent,
        astray=astray / extent,
        overlap=_overlap(coarse, matrix),
        stretch=float(np.abs(scales).max()),
        growth=float(scales.sum()),
        chance=drop_volume(chance) if pair.planar else chance,
    )


def _agreement(
    pair: Pair, affine: Matrix, field: DisplacementField | None
) -> tuple[Agreement, Volume]:
    """How blocks of fixed match, and of each the share of chance."""
    seen = PairBlocks.usual(pair)
    u = None if field is None else in_voxels(field, seen.at)
    whole, chance = seen.blocks.agreement_and_map(*seen.warped(affine, u))
    return whole, Volume(chance, block_grid(seen.at.grid), "agreement").without_nan()


def _overlap(at: LevelPair, affine: Matrix) -> float:
    _, weight = warp_level(at, affine)
    return float(weight.sum()) / max(float(at.weight.sum()), 1e-6)


def _stability(
    at: LevelPair, affine: Matrix, similarity: Similarity, *, planar: bool
) -> tuple[float, float]:
    """How far the rigid engine goes from the result, and from beside it, in world units."""
    base, loss = _settled(at, affine, similarity, planar=planar)
    points = _points(at)
    astray = 0.0
    for start in _beside(at, affine, planar=planar):
        found, value = _settled(at, start, similarity, planar=planar)
        if value <= loss + _ALIKE * abs(loss):
            astray = max(astray, _distance(found, base, points))
    return _distance(base, affine, points), astray


def _settled(
    at: LevelPair, start: Matrix, similarity: Similarity, *, planar: bool
) -> tuple[Matrix, float]:
    motion = motion_of(at, "rigid", start, planar=planar)
    found, _ = optimize_affine(at, motion, similarity, 40, 1e-5, lambda *_: None)
    return found, evaluate(at, found, similarity)


def _beside(at: LevelPair, affine: Matrix, *, planar: bool) -> list[Matrix]:
    """The result after small motions, the same every time."""
    rng = np.random.default_rng(0)
    size = float(np.max(np.array(at.grid.shape) * np.array(at.grid.spacing)))
    centre = _points(at).mean(axis=0)
    out = []
    for _ in range(_STARTS):
        turn, shift = _unit(rng), _unit(rng)
        if planar:
            turn, shift = np.array([0.0, 0.0, np.sign(turn[2])]), shift * [1.0, 1.0, 0.0]
        motion = about(centre, rotation((_TURN * turn).tolist()))
        out.append(affine @ homogeneous(np.eye(3), _SHIFT * size * shift) @ motion)
    return out


def _elsewhere(at: LevelPair, affine: Matrix, similarity: Similarity, extent: float) -> float:
    """The most information in places that are wrong by a quarter of the extent."""
    rng = np.random.default_rng(1)
    shifts = [0.25 * extent * _unit(rng) * _thick(at) for _ in range(_PLACES)]
    return max(
        -evaluate(at, affine @ homogeneous(np.eye(3), shift), similarity) for shift in shifts
    )


def _thick(at: LevelPair) -> Matrix:
    """1 along the world axes in which the grid is more than a slice, 0 along the others."""
    linear = at.grid.affine[:3, :3] / np.array(at.grid.spacing)
    out: Matrix = (np.abs(linear) @ (np.array(at.grid.shape) > 1) > 0.5).astype(np.float64)
    return out


def _points(at: LevelPair) -> Matrix:
    index = np.argwhere(at.weight.cpu().numpy())[::7]
    return apply_affine(at.grid.affine, index)


def _distance(first: Matrix, second: Matrix, points: Matrix) -> float:
    apart = apply_affine(first, points) - apply_affine(second, points)
    return float(np.linalg.norm(apart, axis=1).mean())


def _unit(rng: np.random.Generator) -> Matrix:
    way = rng.normal(size=3)
    out: Matrix = way / np.linalg.norm(way)
    return out
