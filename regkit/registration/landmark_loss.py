"""Landmarks of both images that pull the field so that they meet, beside the intensities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, apply_affine
from regkit.geometry.grid import Grid
from regkit.kernels.sampling import sample
from regkit.metrics.landmarks import check_same_landmarks
from regkit.volume.points import Points
from regkit.volume.volume import Volume

_REACH = 2.0  # voxels of the field: the standard deviation of the ball that a landmark pulls
_EDGE = 3.0  # of these, where a ball ends


@dataclass(frozen=True, eq=False)
class LevelLandmarks:
    """Landmarks on the working grid of one level.

    Parameters
    ----------
    at
        ``(K, 3)``: where they are, in voxels of the images of the level.
    aside
        ``(K, 3)``: how far each is to move, in the same voxels.
    weight
        What a voxel counts that is out of place, beside one of the images.
    """

    at: NDArray[np.float64]
    aside: NDArray[np.float64]
    weight: float

    def value_and_gradient(self, u: Tensor, counts: Tensor) -> tuple[float, Tensor]:
        """The loss, and where each voxel is to step aside, on the grid of ``u``.

        Each landmark counts as the voxels of a ball around it. Its loss is ``sqrt(1 + r^2) - 1``
        of what it lacks in voxels, so that the pull of one that is far away has a bound; all nodes
        of the ball feel the pull of its centre.
        """
        balls = self._balls_on(tuple(u.shape[1:]), tuple(counts.shape), u.device)
        lacking = sample(u, balls.at.to(u)).T - balls.aside.to(u)
        size = (1 + lacking.square().sum(-1)).sqrt()
        voxel = self.weight * balls.voxels / float(counts.sum().clamp(min=1))
        pulls = voxel * lacking / size[:, None]
        force = torch.zeros_like(u).flatten(1)
        force.index_add_(1, balls.nodes, (pulls[balls.owners] * balls.shares[:, None]).T)
        mass = float((balls.mass * (size - 1)).sum())
        return voxel * mass, force.reshape(u.shape)

    def _balls_on(
        self, coarse: tuple[int, ...], shape: tuple[int, ...], device: torch.device
    ) -> _Balls:
        if self._kept.get(coarse) is None:
            self._kept[coarse] = _balls(self, coarse, shape, device)
        return self._kept[coarse]

    @cached_property
    def _kept(self) -> dict[tuple[int, ...], _Balls]:
        return {}


@dataclass(frozen=True, eq=False)
class _Balls:
    """Balls around landmarks, on the nodes of a field.

    Parameters
    ----------
    at, aside
        ``(K, 3)``: centres and where they go, in voxels of the field.
    nodes, owners, shares
        ``(M,)``: which node, of which landmark, and how much of it.
    mass
        ``(K,)``: of each ball.
    voxels
        Of the images, in one of the field.
    """

    at: Tensor
    aside: Tensor
    nodes: Tensor
    owners: Tensor
    shares: Tensor
    mass: Tensor
    voxels: float


def _balls(
    level: LevelLandmarks, coarse: tuple[int, ...], shape: tuple[int, ...], device: torch.device
) -> _Balls:
    ratio = np.array(shape) / np.array(coarse)
    centres = (level.at + 0.5) / ratio - 0.5
    nodes, owners, shares = [], [], []
    for number, centre in enumerate(centres):
        axes = [
            np.arange(max(0, int(np.ceil(c - _EDGE * _REACH))),
                      min(n, int(np.floor(c + _EDGE * _REACH)) + 1))
            for c, n in zip(centre, coarse, strict=True)
        ]  # fmt: skip
        index = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(coarse))
        apart = ((index - centre) ** 2).sum(-1)
        nodes.append(np.ravel_multi_index(tuple(index.T), coarse))
        shares.append(np.exp(-apart / (2 * _REACH**2)))
        owners.append(np.full(len(index), number))
    mass = [float(each.sum()) for each in shares]
    found = (np.concatenate(nodes), np.concatenate(owners), np.concatenate(shares))
    on = [torch.from_numpy(each).to(device) for each in found]
    return _Balls(
        torch.from_numpy(centres).to(device), torch.from_numpy(level.aside / ratio).to(device),
        on[0], on[1], on[2].float(), torch.tensor(mass, device=device), float(ratio.prod()),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class LandmarkGuide:
    """The same landmarks in both images.

    Parameters
    ----------
    fixed, moving
        ``(K, 3)``, in the world of fixed and in that of moving.
    weight
        What a voxel of a landmark's ball counts beside one of the images.
    """

    fixed: NDArray[np.float64]
    moving: NDArray[np.float64]
    weight: float

    def on(
        self, grid: Grid, affine: Matrix, device: torch.device, *, exchanged: bool = False
    ) -> LevelLandmarks:
        """On a working grid; ``affine`` leads from the world of fixed to that of moving.

        ``exchanged`` takes moving through ``affine`` for fixed, and the reverse.
        """
        there = apply_affine(np.asarray(np.linalg.inv(affine), np.float64), self.moving)
        ends = [apply_affine(grid.inverse_affine, each) for each in (self.fixed, there)]
        start, end = reversed(ends) if exchanged else ends
        return LevelLandmarks(start, end - start, self.weight)

    def scaled(self, size: Matrix) -> Self:
        """Return the same in worlds of another scale."""
        fixed, moving = (apply_affine(size, each) for each in (self.fixed, self.moving))
        return replace(self, fixed=fixed, moving=moving)


def landmark_guide(
    fixed: Points | None, moving: Points | None, weight: float
) -> LandmarkGuide | None:
    """Make of landmarks what guides the field engine; None if they are only measured.

    Parameters
    ----------
    fixed, moving
        The landmarks of each image, in the world in which it was placed; both or none.
    weight
        0: they are only measured.

    Raises
    ------
    InputError
        If they are to guide, and there are none.
    """
    if not weight:
        return None
    if fixed is None or moving is None:
        raise InputError(
            f"landmark_weight={weight:g} needs fixed_landmarks and moving_landmarks; give both, or "
            "landmark_weight=0"
        )
    return LandmarkGuide(_lifted(fixed), _lifted(moving), weight)


def _lifted(points: Points) -> NDArray[np.float64]:
    """In three dimensions: a flat image is a slice at 0."""
    found: NDArray[np.float64] = points.xyz.numpy()
    return found if found.shape[1] == 3 else np.pad(found, ((0, 0), (0, 1)))


def check_pair_of_landmarks(
    images: Sequence[Volume], fixed: Points | None, moving: Points | None
) -> None:
    """Refuse landmarks of one image alone, and those that cannot be of both.

    Parameters
    ----------
    images
        Fixed and moving.
    fixed, moving
        Landmarks in their worlds, or None.

    Raises
    ------
    InputError
        If one is missing, they do not lie in their image, or differ in number or names.
    """
    if (fixed is None) != (moving is None):
        raise InputError(
            "landmarks of one image alone were given, which would do nothing; give fixed_landmarks "
            "and moving_landmarks"
        )
    if fixed is None or moving is None:
        return
    for points, image, what in zip((fixed, moving), images, ("fixed", "moving"), strict=True):
        check_landmarks(points, image, f"landmarks of {what}")
    check_same_landmarks(fixed, moving)


def check_landmarks(points: Points, image: Volume, what: str) -> None:
    """Refuse landmarks that do not lie in their image.

    Parameters
    ----------
    points
        In the world of ``image``.
    image
        Theirs.
    what
        What messages call them.

    Raises
    ------
    InputError
        Naming the first that lies outside.
    """
    if points.xyz.shape[1] != image.ndim:
        raise InputError(
            f"{what}: {points.xyz.shape[1]}-D, and {image.name or 'the image'} is {image.ndim}-D"
        )
    inside = image.grid.contains(points.xyz)
    if bool(inside.all()):
        return
    first = int(torch.nonzero(~inside)[0])
    name = repr(points.names[first]) if points.names else f"number {first + 1}"
    place = ", ".join(f"{value:.1f}" for value in points.xyz[first].tolist())
    raise InputError(
        f"{what}: {name} at ({place}) lies outside of {image.name or 'its image'}; coordinates are "
        f"{image.grid.world.axes} {image.grid.world.unit}; look which way those of the file point"
    )
