"""What every transform is: a callable on points that composes, inverts and knows its worlds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import pairwise
from typing import Any, Self, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.geometry.world import World, check_same_world
from regkit.volume.points import Points


class Transform(ABC):
    """Maps world points of fixed to world points of moving: ``warped(x) = moving(phi(x))``.

    ``fixed_world`` and ``moving_world`` are the worlds that it connects, where that is known: None
    fits any world.
    """

    fixed_world: World | None = None
    moving_world: World | None = None

    @property
    @abstractmethod
    def ndim(self) -> int:
        """Dimension of the world, 2 or 3."""

    @overload
    def __call__(self, points: Tensor) -> Tensor: ...
    @overload
    def __call__(self, points: Points) -> Points: ...
    @overload
    def __call__(self, points: ArrayLike) -> NDArray[np.float64]: ...
    def __call__(self, points: Any) -> Any:
        """Map points of fixed to moving.

        Parameters
        ----------
        points
            ``(..., d)`` in world units: a tensor, whose type and device are kept (whole numbers
            become float64); an array or nested lists, which give a float64 array; or
            :class:`~regkit.Points`.

        Raises
        ------
        InputError
            If they are no numbers, or have another dimension.
        """
        if isinstance(points, Points):
            return Points(self(points.xyz), points.names)
        if isinstance(points, Tensor):
            self._check_points(tuple(points.shape))
            return self.map(points if points.is_floating_point() else points.double())
        array = _numbers(points)
        self._check_points(array.shape)
        return self.map(torch.tensor(array)).numpy()

    @abstractmethod
    def map(self, points: Tensor) -> Tensor:
        """Map ``points (..., d)``, floating-point; the type and device are kept."""

    def between(self, fixed_world: World | None, moving_world: World | None) -> Self:
        """The same transform, known to connect two worlds."""
        return replace(  # type: ignore[type-var]  # every transform is a dataclass
            self, fixed_world=fixed_world, moving_world=moving_world
        )

    def _check_points(self, shape: tuple[int, ...]) -> None:
        if not shape or shape[-1] != self.ndim:
            raise InputError(
                f"points have shape {shape} and the transform is {self.ndim}-D; their last axis "
                f"must hold {self.ndim} coordinates"
            )

    @abstractmethod
    def inverse(self) -> Transform:
        """The transform from moving back to fixed.

        Raises
        ------
        NotInvertibleError
            If there is none that can be trusted.
        """

    def on(self, grid: Grid, rows: slice = slice(None)) -> tuple[Matrix, Tensor]:
        """The transform at the voxels of ``grid``, or at some rows of its first axis.

        Returns
        -------
        matrix, u
            ``phi(x) = matrix (x + u(x))``: a world affine, and a displacement before it,
            ``(d, *shape)`` float32 in world units, or ``(d, 1, ..., 1)`` where it is the same
            everywhere; memory of the caller's own.
        """
        x = grid.world_points(rows)
        return np.eye(self.ndim + 1), (self(x) - x).movedim(-1, 0).float().contiguous()

    def __matmul__(self, other: Transform) -> Transform:
        """``(a @ b)(x) = a(b(x))``."""
        return compose(self, other)

    def map_points(self, points: Points) -> Points:
        """Map landmarks of fixed to moving; use ``inverse()`` for landmarks of moving."""
        return self(points)


def _numbers(points: Any) -> NDArray[np.float64]:
    try:
        return np.array(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"points are {type(points).__name__}, which holds no table of numbers; give a tensor, "
            "an array, lists of coordinates, or Points"
        ) from error


def compose(*transforms: Transform) -> Transform:
    """``compose(a, b, c)(x) = a(b(c(x)))``, with neighbouring affines multiplied out.

    Raises
    ------
    InputError
        If there is nothing to compose, the dimensions differ, or one ends in another world than
        that in which the next begins.
    """
    from regkit.transforms.affine import Affine
    from regkit.transforms.chain import Chain

    if not transforms:
        raise InputError("nothing to compose")
    if len({part.ndim for part in transforms}) > 1:
        raise InputError("transforms of 2-D and 3-D worlds cannot be composed")
    for outer, inner in pairwise(transforms):
        _check_meet(outer, inner)
    parts: list[Transform] = []
    for part in transforms:
        for link in part.links if isinstance(part, Chain) else (part,):
            if parts and isinstance(link, Affine) and isinstance(parts[-1], Affine):
                parts[-1] = Affine(
                    parts[-1].matrix @ link.matrix, link.fixed_world, parts[-1].moving_world
                )
            else:
                parts.append(link)
    return parts[0] if len(parts) == 1 else Chain(tuple(parts))


def _check_meet(outer: Transform, inner: Transform) -> None:
    if outer.fixed_world is not None and inner.moving_world is not None:
        names = ("what the outer transform takes", "what the inner one gives")
        check_same_world(outer.fixed_world, inner.moving_world, names)
