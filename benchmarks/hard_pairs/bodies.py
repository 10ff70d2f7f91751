"""Two bodies in one image that move apart: as what one of them is followed, or both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

import regkit as rk
from benchmarks.data import brain, points_in
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import motion, noisy
from regkit import Grid, Labels, NotInvertibleError, Volume
from regkit.geometry.affines import Matrix, homogeneous
from regkit.resample import resample
from regkit.transforms import Transform
from regkit.volume.volume import AnyVolume

_SPACING = 3.0
_ASIDE = 85.0  # mm from the middle to where each body lies
_APART = ((0.0, 5.0), (3.0, 8.0), (6.0, 12.0), (4.0, 20.0))  # degrees and mm of each body


@dataclass(frozen=True, eq=False)
class Sides(Transform):
    """One affine where x is below 0, another above: bodies that move on their own."""

    left: Matrix
    right: Matrix

    @property
    def ndim(self) -> int:
        """Three."""
        return 3

    def map(self, points: Tensor) -> Tensor:
        """Map world points ``(..., 3)``."""
        here = points[..., :1] < 0
        return torch.where(
            here, rk.Affine(self.left).map(points), rk.Affine(self.right).map(points)
        )

    def inverse(self) -> Transform:
        """Nothing: bodies that move apart leave a gap.

        Raises
        ------
        NotInvertibleError
            Always.
        """
        raise NotInvertibleError("bodies that move apart leave a gap between them")


@dataclass(frozen=True)
class Bodies:
    """Two brains side by side on one grid, each with its mask."""

    left: Volume
    right: Volume
    grid: Grid

    @classmethod
    def made(cls) -> Bodies:
        """``a`` at the left, ``b`` at the right of the middle."""
        left, right = (
            _laid(sources.person(name, _SPACING), x) for name, x in (("a", -_ASIDE), ("b", _ASIDE))
        )
        half = np.array([190.0, 110.0, 110.0])
        shape = np.rint(2 * half / _SPACING).astype(int)
        start = -half + _SPACING / 2
        affine = homogeneous(np.diag([_SPACING] * 3), start)
        return cls(left, right, Grid(tuple(shape.tolist()), affine))

    def image(self, moves: Sides, seed: int) -> Volume:
        """Both, after each has moved."""
        shown = [
            rk.warp(body, rk.Affine(move).inverse(), onto=self.grid)
            for body, move in ((self.left, moves.left), (self.right, moves.right))
        ]
        return noisy(shown[0].with_data(shown[0].data + shown[1].data), seed)

    def mask(self, which: str, move: Matrix | None = None) -> Labels:
        """Where the body ``left`` or ``right`` is, after ``move``."""
        own = brain(getattr(self, which))
        phi = rk.Affine.identity() if move is None else rk.Affine(move).inverse()
        return rk.warp(own, phi, onto=self.grid)


def masks() -> Iterator[HardPair]:
    """One of two bodies is what counts, as a mask of fixed, of moving, or of both says."""
    bodies, stays = Bodies.made(), np.eye(4)
    shift = homogeneous(np.eye(3), [8.0, 0.0, 0.0])
    turn = motion(404, 5.0, 7.0, bodies.left.grid)
    back = homogeneous(np.eye(3), [-6.0, 3.0, 2.0])
    for seed, (which, how, left, right) in enumerate(
        (
            ("moving", "shifted 8 mm", shift, stays),
            ("fixed", "shifted 8 mm", shift, stays),
            ("both", "shifted 8 mm, the other shifted back", shift, back),
            ("moving", "turned 5°, the other shifted", turn, back),
            ("fixed", "turned 5°", turn, stays),
            ("both", "turned 5°, the other shifted", turn, back),
        ),
        400,
    ):
        own = bodies.mask("left")
        yield HardPair(
            f"mask of {which}, {how}",
            bodies.image(Sides(stays, stays), seed),
            bodies.image(Sides(left, right), seed + 50),
            rk.Affine(left),
            points_in(own),
            fixed_mask=own if which != "moving" else None,
            moving_mask=bodies.mask("left", left) if which != "fixed" else None,
        )


def thin_masks() -> Iterator[HardPair]:
    """A mask of one to four slices on a whole brain that moved by 8 mm."""
    image, shift = sources.person("a"), homogeneous(np.eye(3), [8.0, 0.0, 0.0])
    for seed, (axis, count, which) in enumerate(
        ((2, 1, "fixed"), (2, 3, "fixed"), (0, 1, "moving"), (1, 4, "moving"), (2, 2, "both")), 451
    ):
        own = _slices(image, axis, count)
        second = _elsewhere(
            resample(image, image.grid.window((-8, -3, -3), image.grid.shape)), shift
        )
        mask = rk.warp(_elsewhere(own, shift), rk.Affine.identity(), onto=second.grid)
        yield HardPair(
            f"mask of {which}: {count} slice{'s' * (count > 1)} across {'xyz'[axis]}",
            noisy(image, 450),
            noisy(second, seed),
            rk.Affine(shift),
            points_in(own.with_data(own.data * brain(image).data)),
            fixed_mask=own if which != "moving" else None,
            moving_mask=mask if which != "fixed" else None,
        )


def apart() -> Iterator[HardPair]:
    """Both bodies move, each its own way; a field must follow both."""
    bodies = Bodies.made()
    for seed, (degrees, shift) in enumerate(_APART, 470):
        left = motion(seed, degrees, shift, bodies.left.grid)
        right = motion(seed + 10, degrees, shift, bodies.right.grid)
        yield HardPair(
            f"{degrees:g}°, {shift:g} mm each",
            bodies.image(Sides(np.eye(4), np.eye(4)), seed),
            bodies.image(Sides(left, right), seed + 50),
            Sides(left, right),
            torch.cat([points_in(bodies.mask(which), 2000) for which in ("left", "right")]),
            "deformable",
        )


def _elsewhere(image: AnyVolume, move: Matrix) -> AnyVolume:
    return replace(image, grid=Grid(image.grid.shape, move @ image.grid.affine))


def _laid(image: Volume, x: float) -> Volume:
    """``image`` with its middle at (x, 0, 0)."""
    shift = homogeneous(np.eye(3), np.array([x, 0.0, 0.0]) - image.grid.centre)
    return _elsewhere(image, shift)


def _slices(image: Volume, axis: int, count: int) -> Labels:
    data = torch.zeros(image.grid.shape, dtype=torch.uint8)
    middle = image.grid.shape[axis] // 2
    data.narrow(axis, middle, count)[...] = 1
    return Labels(data, image.grid, "slices")
