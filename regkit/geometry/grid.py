"""Grid: a shape and where its voxels lie in the world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import (
    Matrix,
    apply_affine,
    as_affine,
    homogeneous,
    shear_of,
    spacing_of,
)
from regkit.geometry.orientation import axis_codes, axis_directions, parse_codes
from regkit.geometry.world import MEDICAL, World

MAX_SHEAR = 1e-3  # cosine of two axes; what is below comes of rounding in headers


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxel centres at integer indices, and the affine that puts them in the world.

    Parameters
    ----------
    shape
        Number of voxels along each index axis, two or three of them.
    affine
        ``(d + 1, d + 1)`` float64, index to world.
    world
        The unit and axes of positions; RAS+ millimetres if not given.

    Raises
    ------
    InputError
        If the shape is empty or the affine is unusable.

    Examples
    --------
    >>> grid = Grid((4, 5, 6), np.diag([1.0, 1.0, 2.0, 1.0]))
    >>> grid.spacing, grid.orientation
    ((1.0, 1.0, 2.0), 'RAS')
    """

    shape: tuple[int, ...]
    affine: Matrix
    world: World = MEDICAL

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        affine = as_affine(self.affine)
        if len(shape) != len(affine) - 1:
            raise InputError(f"a grid of {len(shape)} axes cannot have a {affine.shape} affine")
        if min(shape) < 1:
            raise InputError(f"grid shape {shape} has an empty axis")
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "affine", affine)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Grid)
            and self.shape == other.shape
            and np.array_equal(self.affine, other.affine)
            and self.world == other.world
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.affine.tobytes()))

    def __repr__(self) -> str:
        return f"Grid({self.summary})"

    @property
    def summary(self) -> str:
        """Size, spacing with its unit, and where the axes point, on one line."""
        size = "x".join(map(str, self.shape))
        spacing = "x".join(f"{s:.4g}" for s in self.spacing)
        where = self.orientation if self.world.anatomical else self.world.crs_name
        return f"{size}, {spacing} {self.world.unit}" + (f", {where}" if where else "")

    @property
    def ndim(self) -> int:
        """Number of spatial axes, 2 or 3."""
        return len(self.shape)

    @cached_property
    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbouring voxel centres along each index axis, in world units."""
        return tuple(float(s) for s in spacing_of(self.affine))

    @cached_property
    def orientation(self) -> str:
        """Letters such as ``"LPS"``: where each index axis points to."""
        return axis_codes(self.affine)

    @cached_property
    def inverse_affine(self) -> Matrix:
        """The matrix ``(d + 1, d + 1)`` that takes world points to index coordinates."""
        return np.asarray(np.linalg.inv(self.affine), dtype=np.float64)

    @property
    def voxel_volume(self) -> float:
        """Volume (area in 2-D) of one voxel in world units."""
        return float(abs(np.linalg.det(self.affine[:-1, :-1])))

    @property
    def centre(self) -> Matrix:
        """World position of the middle of the field of view."""
        return apply_affine(self.affine, (np.array(self.shape) - 1) / 2)

    def corners(self) -> Matrix:
        """World positions of the outer corners of the field of view, ``(2**d, d)``."""
        return apply_affine(self.affine, list(product(*((-0.5, n - 0.5) for n in self.shape))))

    def placed(self, shape: Sequence[int] | NDArray[np.int64], affine: ArrayLike) -> Grid:
        """Return another grid of this world, with its own shape and affine ``(d + 1, d + 1)``."""
        whole = tuple(int(n) for n in shape)
        return replace(self, shape=whole, affine=np.asarray(affine, dtype=np.float64))

    def in_unit(self, unit: str) -> Grid:
        """Return the same voxels in the same place, with all lengths in ``unit`` (mm, µm or m).

        Examples
        --------
        >>> Grid((4, 4), np.diag([500.0, 500.0, 1.0]), World("um")).in_unit("mm")
        Grid(4x4, 0.5x0.5 mm, RA)
        """
        scale = np.diag([self.world.scale_to(unit)] * self.ndim + [1.0])
        return replace(self, affine=scale @ self.affine, world=replace(self.world, unit=unit))

    def contains(self, points: Tensor) -> Tensor:
        """Tell which world points ``(..., d)`` lie in the field of view, as booleans ``(...)``."""
        return is_inside(self.to_index(points), self.shape)

    def lies_on(self, other: Grid, *, tolerance: float = 0.01) -> bool:
        """Tell whether two grids have the same voxels, within a share of a voxel of ``other``.

        Examples
        --------
        >>> grid = Grid((4, 4), np.eye(3))
        >>> grid.lies_on(grid.reoriented("LA")), grid.lies_on(Grid((4, 4), np.eye(3)))
        (False, True)
        """
        return self.shape == other.shape and self._off(other) <= tolerance * min(other.spacing)

    def apart(self, other: Grid) -> str:
        """Say how far two grids are apart, for messages: what they show of themselves may be alike.

        Examples
        --------
        >>> Grid((4, 4), np.eye(3)).apart(Grid((4, 4), [[1, 0, 0], [0, 1, 30], [0, 0, 1]]))
        'up to 30 mm apart'
        """
        off = self._off(other)
        return f"up to {off:.4g} {self.world.unit} apart" if np.isfinite(off) else "in two worlds"

    def _off(self, other: Grid) -> float:
        """Distance of the corners that are farthest apart along an axis of the world."""
        if self.ndim != other.ndim or self.world != other.world:
            return float("inf")
        return float(np.abs(self.corners() - other.corners()).max())

    def to_index(self, points: Tensor) -> Tensor:
        """Turn world points ``(..., d)`` into index coordinates."""
        return _affine_on(points, self.inverse_affine)

    def to_world(self, index: Tensor) -> Tensor:
        """Turn index coordinates ``(..., d)`` into world points."""
        return _affine_on(index, self.affine)

    def world_points(self, rows: slice = slice(None)) -> Tensor:
        """World positions of all voxel centres, float64 ``(*shape, d)``.

        ``rows`` picks a range along the first axis, so that large grids can be walked in slabs.
        """
        axes = [torch.arange(n, dtype=torch.float64) for n in self.shape]
        axes[0] = axes[0][rows]
        return self.to_world(torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1))

    def slabs(self, voxels: int = 1 << 19) -> Iterator[slice]:
        """Ranges along the first axis that hold about ``voxels`` voxels each."""
        step = max(1, voxels * self.shape[0] // max(1, int(np.prod(self.shape))))
        for start in range(0, self.shape[0], step):
            yield slice(start, min(start + step, self.shape[0]))

    def rows(self, rows: slice) -> Grid:
        """Return the part of the grid that holds the given rows of the first axis."""
        first, last, _ = rows.indices(self.shape[0])
        start = [first] + [0] * (self.ndim - 1)
        return self.window(start, (last - first, *self.shape[1:]))

    def window(self, start: Sequence[int], shape: Sequence[int]) -> Grid:
        """Return the grid of ``shape`` voxels whose first voxel is index ``start`` of this one.

        The window may reach beyond the grid, as padding does.
        """
        shift = homogeneous(np.eye(self.ndim), np.asarray(start, dtype=np.float64))
        return self.placed(shape, self.affine @ shift)

    def with_spacing(self, spacing: ArrayLike) -> Grid:
        """Cover the same field of view with voxels as close to ``spacing`` as whole numbers allow.

        ``spacing`` is in world units, one number for all axes or ``(d,)``.
        """
        wanted = np.broadcast_to(np.asarray(spacing, dtype=np.float64), (self.ndim,))
        extent = np.array(self.shape) * np.array(self.spacing)
        # A tie must not be decided by the last bits of a header, which the unit changes.
        return self.with_shape(np.maximum(1, np.rint(extent / wanted + 1e-6)).astype(int))

    def in_voxels(self, spacing: ArrayLike) -> Grid:
        """Cover the same field of view, and at most a voxel more, with voxels of ``spacing``.

        ``spacing`` is in world units, one number for all axes or ``(d,)``, and kept exactly, where
        :meth:`with_spacing` keeps the field of view. The centre stays.

        Examples
        --------
        >>> Grid((10, 10), np.diag([1.0, 1.5, 1.0])).in_voxels(4.0)
        Grid(3x4, 4x4 mm, RA)
        """
        wanted = np.broadcast_to(np.asarray(spacing, dtype=np.float64), (self.ndim,))
        factor, old = wanted / self.spacing, np.array(self.shape)
        new = np.maximum(1, np.ceil(old / factor - 1e-6)).astype(int)
        start = ((old - 1) - factor * (new - 1)) / 2
        return self.placed(new, self.affine @ homogeneous(np.diag(factor), start))

    def with_shape(self, shape: Sequence[int] | NDArray[np.int64]) -> Grid:
        """Cut the same field of view (its outer corners stay) into ``shape`` voxels."""
        new = np.array(shape, dtype=np.float64)
        factor = np.array(self.shape) / new
        return self.placed(shape, self.affine @ homogeneous(np.diag(factor), (factor - 1) / 2))

    def straightened(self) -> Grid:
        """The grid at right angles that is nearest to a sheared one; any other as it is.

        It has the same centre and spacings, and covers the whole field of view. Its axes are the
        polar factor of the index directions, which is the nearest that is orthogonal.

        Examples
        --------
        >>> tilted = Grid((4, 4), [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> tilted.straightened()
        Grid(5x5, 1x1.118 mm, RA)
        """
        if shear_of(self.affine) <= MAX_SHEAR:
            return self
        u, _, vt = np.linalg.svd(self.affine[:-1, :-1] / self.spacing)
        linear = (u @ vt) * self.spacing
        reach = np.abs((self.corners() - self.centre) @ np.linalg.inv(linear).T).max(axis=0)
        shape = np.ceil(2 * reach - 1e-6).astype(int)
        start = self.centre - linear @ ((shape - 1) / 2)
        return self.placed(shape, homogeneous(linear, start))

    def reorder(self, codes: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tell how to store an array of this grid so that its axes point along ``codes``.

        Returns
        -------
        order, flipped
            The permutation of the index axes, and the axes (after it) to flip.
        """
        have = axis_directions(self.affine)
        world_of = [world for world, _ in have]
        wanted = parse_codes(codes, self.ndim)
        order = tuple(world_of.index(world) for world, _ in wanted)
        flipped = tuple(
            axis for axis, (_, sign) in enumerate(wanted) if have[order[axis]][1] != sign
        )
        return order, flipped

    def reoriented(self, codes: str) -> Grid:
        """The grid of the same voxels stored so that the axes point along ``codes``."""
        order, flipped = self.reorder(codes)
        shape = tuple(self.shape[axis] for axis in order)
        step = np.zeros((self.ndim, self.ndim))
        start = np.zeros(self.ndim)
        for new, old in enumerate(order):
            step[old, new] = -1.0 if new in flipped else 1.0
            start[old] = shape[new] - 1 if new in flipped else 0
        return self.placed(shape, self.affine @ homogeneous(step, start))


def is_inside(index: Tensor, shape: Sequence[int]) -> Tensor:
    """Tell whether ``index (..., d)`` lies in an array of ``shape``: from -0.5, and below n - 0.5.

    The interval is half-open as in ITK, SciPy and GDAL, so that a point on the seam of two arrays
    lies in one.

    Examples
    --------
    >>> is_inside(torch.tensor([[-0.5], [3.4], [3.5]]), (4,)).tolist()
    [True, True, False]
    """
    size = torch.tensor(shape, dtype=index.dtype, device=index.device)
    return ((index >= -0.5) & (index < size - 0.5)).all(-1)


def _affine_on(points: Tensor, matrix: Matrix) -> Tensor:
    whole = torch.as_tensor(np.array(matrix), dtype=points.dtype, device=points.device)
    return points @ whole[:-1, :-1].T + whole[:-1, -1]
