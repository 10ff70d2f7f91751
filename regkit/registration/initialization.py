"""Where to start from: header, centres, moments, and a small search when in doubt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from regkit.geometry.affines import Matrix, about, apply_affine, homogeneous, rotation
from regkit.kernels import backend
from regkit.losses.mutual_information import MutualInformation
from regkit.losses.similarity import Similarity
from regkit.registration.linear import motion_of, optimize_affine
from regkit.registration.linear_loss import evaluate, linear_level
from regkit.registration.pair import LevelPair, Pair, extent_of
from regkit.registration.prepared import is_truncated
from regkit.registration.result import EngineStage
from regkit.volume.volume import Labels

_TURN = np.deg2rad(45)
_FINALISTS = 6
_PREFERENCE = 0.97  # a guess must beat the header's fit by this factor to replace it
_SAME_END = 0.5  # of a voxel of the search
_ALIKE = 1.15  # in length: bodies that differ by less are of one size


def find_start(pair: Pair, init: str, *, sized: bool = False) -> tuple[Matrix, EngineStage]:
    """Find a world affine from fixed to moving for the engines to start from.

    Parameters
    ----------
    pair
        The images at body scale.
    init
        ``header`` trusts the world coordinates, ``centers`` puts the middles of the two fields of
        view on each other, ``moments`` the centres of mass of the two bodies. ``auto`` tries all
        three, each turned by up to 45 degrees about every axis, scores them by mutual information
        at a coarse level, refines the best few, and keeps the header unless another one is clearly
        better.
    sized
        Let ``auto`` try the size of the other body too, as an affine may.

    Returns
    -------
    matrix, stage
        World affine from fixed to moving (4, 4), and the record.
    """
    begin = time.perf_counter()
    named = candidates(pair, sized=sized)
    if init != "auto":
        matrix, note = named[init], init
    else:
        matrix, note = _search(pair, named)
    seconds = time.perf_counter() - begin
    kernels = backend.name(pair.device)
    return matrix, EngineStage("init", MutualInformation.name, kernels, seconds, note=note)


def candidates(pair: Pair, *, sized: bool = False) -> dict[str, Matrix]:
    """Make the plain starts, by name.

    ``sized`` adds one at the size of the other body, if both are seen whole and one is larger.
    """
    here, there = _mass(pair.region), _mass(pair.moving_body)
    plain = {
        "header": np.eye(4),
        "centers": _shift(pair.fixed.grid.centre, pair.moving.grid.centre),
        "moments": _shift(here, there),
    }
    size = _relative_size(pair) if sized else 1.0
    if max(size, 1 / size) < _ALIKE:
        return plain
    larger = np.diag([size, size, 1.0 if pair.planar else size])
    return plain | {"moments and size": homogeneous(larger, there - larger @ here)}


def _relative_size(pair: Pair) -> float:
    """Length of moving's body over that of fixed's; 1 where one of them is cut by its image."""
    if is_truncated(pair.region) or is_truncated(pair.moving_body):
        return 1.0
    ratio = extent_of(pair.moving_body) / extent_of(pair.region)
    return float(ratio ** (1 / 2 if pair.planar else 1 / 3))


def _search(pair: Pair, named: dict[str, Matrix]) -> tuple[Matrix, str]:
    similarity = pair.compared_by(MutualInformation())
    at = linear_level(pair, _coarse(pair), similarity)
    centre = motion_of(at, "rigid", np.eye(4), planar=pair.planar).centre
    guesses = [
        (matrix @ about(centre, turn), name if k == 0 else f"{name}, turned")
        for name, matrix in named.items()
        for k, turn in enumerate(_turns(pair.planar))
    ]
    scores = [evaluate(at, matrix, similarity) for matrix, _ in guesses]
    order = [k for k in np.argsort(scores, kind="stable") if k != 0][:_FINALISTS]
    ends: list[_End] = []
    for k in (0, *order):
        matrix, note = guesses[k]
        ends += _refined(at, matrix, note, similarity, ends, pair.planar)
    header, best = ends[0], min(ends, key=lambda end: end.loss)
    if header.loss <= _PREFERENCE * best.loss:
        return header.matrix, "header"
    return best.matrix, best.note


@dataclass(frozen=True)
class _End:
    """Where a guess has led."""

    loss: float
    matrix: Matrix
    note: str


def _refined(
    at: LevelPair,
    start: Matrix,
    note: str,
    similarity: Similarity,
    ends: Sequence[_End],
    planar: bool,
) -> list[_End]:
    """Where a guess leads; nothing if that is one of the ends that are known."""
    motion = motion_of(at, "rigid", start, planar=planar)
    near = _SAME_END * min(at.grid.spacing[1:])  # of a lifted image that is its plane

    def known(matrix: Matrix) -> bool:
        return any(motion.distance(matrix, end.matrix) < near for end in ends)

    matrix, _ = optimize_affine(at, motion, similarity, 40, 1e-4, lambda *_: None, known)
    return [] if known(matrix) else [_End(evaluate(at, matrix, similarity), matrix, note)]


def _turns(planar: bool) -> list[Matrix]:
    """Identity first, then rotations by up to 45 degrees about each axis together."""
    angles = (0.0, -_TURN, _TURN)
    if planar:
        return [rotation([0.0, 0.0, a]) for a in angles]
    return [rotation(list(vector)) for vector in product(angles, repeat=3)]


def _coarse(pair: Pair) -> float:
    """About thirty voxels along the longest side of the working grid."""
    return float(np.max(np.array(pair.grid.shape) * np.array(pair.grid.spacing))) / 28


def _shift(fixed: Matrix, moving: Matrix) -> Matrix:
    return homogeneous(np.eye(3), moving - fixed)


def _mass(region: Labels) -> Matrix:
    body = region.data[0].numpy() > 0
    plane = body.sum(axis=0, dtype=np.int32)  # quick, unlike sums along the other axes
    counts = [np.count_nonzero(body.reshape(len(body), -1), axis=1), plane.sum(1), plane.sum(0)]
    index = [np.average(np.arange(len(each)), weights=each) for each in counts]
    return apply_affine(region.grid.affine, np.array(index))
