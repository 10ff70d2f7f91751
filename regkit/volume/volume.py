"""Volume and Labels: a tensor on a grid."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.volume.arrays import as_tensor
from regkit.volume.channels import check_one_grid, joined_channels
from regkit.volume.deferred import DeferredVoxels, LazyVoxels
from regkit.volume.exports import Exports
from regkit.volume.fill import check_fill
from regkit.volume.layout import grid_around, overlap, pad_to_shape, reorder_axes
from regkit.volume.valid import checked_valid, finite_everywhere, without_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Volume(LazyVoxels, Exports):
    """Image intensities on a grid.

    One that :func:`regkit.read` gave knows what the header says, and reads its voxels when ``data``
    or ``valid`` is first touched, once for all threads and copies; :meth:`load` touches them.

    Parameters
    ----------
    data
        Tensor or NumPy array ``(C, *spatial)``, spatial = (i, j, k) of the grid; a plain
        ``(*spatial)`` one gains its channel axis. Stored in the type it came in (uint16, uint32 and
        uint64 in the next signed one); arithmetic is done in float32, or in float64 where float32
        cannot tell the values apart.
    grid
        Where the voxels lie in the world: a :class:`~regkit.Grid`, or the affine
        ``(d + 1, d + 1)`` that takes their indices there, in RAS+ mm.
    name
        What messages call it, usually the file name.
    valid
        Where the image has data, boolean ``(*spatial)``; None means everywhere. Resampling mixes no
        other voxels in. :meth:`with_padding` and :meth:`without_nan` make it.

    Raises
    ------
    InputError
        If data, grid and valid do not fit together, or the data are no real numbers. At the first
        touch: if the voxels of a file cannot be used, or the file has changed since its header was
        read.

    Examples
    --------
    >>> import numpy as np
    >>> Volume(np.zeros((4, 5, 6)), np.eye(4), name="empty")
    Volume(4x5x6, 1x1x1 mm, RAS, float64, 'empty')
    """

    # No defaults: as attributes of the class they would hide that a field is still to be read.
    data: Tensor
    grid: Grid
    name: str
    valid: Tensor | None

    def __init__(
        self,
        data: Tensor | NDArray[Any],
        grid: Grid | ArrayLike,
        name: str = "",
        valid: Tensor | NDArray[Any] | None = None,
    ) -> None:
        voxels = as_tensor(data, name)
        where = grid if isinstance(grid, Grid) else grid_around(voxels, grid, name)
        if voxels.ndim == where.ndim:
            voxels = voxels[None]
        if tuple(voxels.shape[1:]) != where.shape:
            raise InputError(
                f"{name or 'volume'}: data {tuple(data.shape)} does not fit the grid {where.shape}"
            )
        known = checked_valid(valid, where.shape, name)
        fields = {"data": voxels, "grid": where, "name": name, "valid": known}
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        dtype = str(self._known_dtype or "not read").removeprefix("torch.")
        channels = f"{self.channels} channels, " if self.channels > 1 else ""
        return f"{type(self).__name__}({self.grid.summary}, {channels}{dtype}, {self.name!r})"

    def in_unit(self, unit: str) -> Self:
        """Return the same voxels in the same place, with all lengths in ``unit`` (mm, µm or m)."""
        return replace(self, grid=self.grid.in_unit(unit))

    def with_data(self, data: Tensor) -> Self:
        """Put other ``data (C, *spatial)`` on the same grid, with the same name and valid map."""
        return replace(self, data=data)

    @classmethod
    def stacked(cls, volumes: Sequence[Volume], name: str = "") -> Self:
        """Stack images of one grid as the channels of one image, in the order given.

        It has data where all of them have some, and a type that holds the values of all.

        Parameters
        ----------
        volumes
            At least one, such as the T1 and the T2 of one visit.
        name
            What messages call it; by default the names of all.

        Raises
        ------
        InputError
            If they lie on different grids, or there is none.

        Examples
        --------
        >>> import numpy as np
        >>> t1, t2 = (Volume(np.full((4, 5, 6), n), np.eye(4), f"t{n}.nii") for n in (1, 2))
        >>> Volume.stacked([t1, t2])
        Volume(4x5x6, 1x1x1 mm, RAS, 2 channels, int64, 't1.nii + t2.nii')
        """
        if not volumes:
            raise InputError("there is no image to stack; give at least one")
        names = [each.name for each in volumes]
        check_one_grid([each.grid for each in volumes], names)
        known = [each.valid for each in volumes if each.valid is not None]
        valid = torch.stack(known).all(0) if known else None
        data = joined_channels([each.data for each in volumes])
        return cls(data, volumes[0].grid, name or " + ".join(filter(None, names)), valid)

    def split(self) -> tuple[Self, ...]:
        """Return one volume for each channel; the reverse of :meth:`stacked`."""
        if self.channels == 1:
            return (self,)
        return tuple(self.with_data(channel[None]) for channel in self.data)

    def data_values(self) -> Tensor:
        """Return the values of the voxels that have data, ``(C, N)``.

        Where ``valid`` is None they are returned as they lie, ``(C, *spatial)``.

        Raises
        ------
        InputError
            If no voxel has data.
        """
        if self.valid is None:
            return self.data
        if not bool(self.valid.any()):
            raise InputError(f"{self.name or 'volume'}: no voxel has data; all are padding or NaN")
        return self.data[:, self.valid]

    def with_padding(self, value: float) -> Self:
        """Return the same image with the voxels of one value marked as no data.

        It serves CT outside the circle of reconstruction (such as -3024), or the nodata value of a
        map. Where there are several channels, all of them must have the value.

        Examples
        --------
        >>> import numpy as np
        >>> scan = Volume(np.array([[-3024, 40]]), np.eye(3))
        >>> scan.with_padding(-3024).valid.tolist()
        [[False, True]]
        """
        return replace(self, valid=without_value(self.data, self.valid, value))

    def without_nan(self, value: float = 0.0) -> Self:
        """Replace NaN and infinite values by ``value`` and mark their voxels as no data.

        A voxel has no data as soon as one of its channels is not finite.

        Raises
        ------
        InputError
            If the type of the voxels cannot hold ``value``.

        Examples
        --------
        >>> import numpy as np
        >>> holed = Volume(np.array([[np.nan, 40.0]]), np.eye(3)).without_nan()
        >>> holed.data.tolist(), holed.valid.tolist()
        ([[[0.0, 40.0]]], [[False, True]])
        """
        if not self.data.is_floating_point():
            return self
        check_fill(value, self.data.dtype, self.name)
        known = finite_everywhere(self.data, self.valid)
        data = torch.where(self.data.isfinite(), self.data, self.data.new_tensor(value))
        return replace(self, data=data, valid=known)

    def reoriented(self, codes: str) -> Self:
        """The same voxels, stored so that the axes point along ``codes`` (such as ``"RAS"``).

        Nothing is resampled and no voxel moves in the world.
        """
        order, flipped = self.grid.reorder(codes)
        data = reorder_axes(self.data, order, flipped)
        valid = None if self.valid is None else reorder_axes(self.valid[None], order, flipped)[0]
        return replace(self, data=data, grid=self.grid.reoriented(codes), valid=valid)

    def window(self, start: Sequence[int], shape: Sequence[int], *, fill: float = 0) -> Self:
        """Crop or pad to the window of ``shape`` voxels that begins at index ``start``.

        What is padded has no data, where the image says at all where it has some. Of an untouched
        volume whose file allows it, such as an uncompressed one, only the window is read.

        Raises
        ------
        InputError
            If the type of the voxels cannot hold ``fill``.
        """
        check_fill(fill, self.dtype, self.name)
        inside, place = overlap(start, shape, self.shape)
        data, valid = self._part(inside)
        known = None if valid is None else pad_to_shape(valid[None], place, shape, 0)[0]
        grid, out = self.grid.window(start, shape), pad_to_shape(data, place, shape, fill)
        return replace(self, data=out, grid=grid, valid=known)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Labels(Volume):
    """An integer map: every voxel names a structure, 0 is background.

    Being a type of its own, it is never interpolated: whatever samples it takes the nearest
    voxel.

    Parameters
    ----------
    data, grid, name, valid
        As for :class:`Volume`.
    names
        What the structures are called, by their values, where that is known.

    Raises
    ------
    InputError
        If the data are not of an integer type, or have more than one channel.
    """

    names: Mapping[int, str]

    def __init__(
        self,
        data: Tensor | NDArray[Any],
        grid: Grid | ArrayLike,
        name: str = "",
        valid: Tensor | NDArray[Any] | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(data, grid, name, valid)
        object.__setattr__(self, "names", dict(names or {}))
        if self.data.is_floating_point() or self.data.is_complex():
            raise InputError(
                f"{self.name or 'labels'}: labels must be whole numbers, not {self.data.dtype}"
            )
        if self.data.dtype is torch.bool:
            object.__setattr__(self, "data", self.data.to(torch.uint8))
        if self.channels != 1:
            raise InputError(f"{self.name or 'labels'}: labels have one channel, not many")

    @classmethod
    def of_deferred(cls, deferred: DeferredVoxels, grid: Grid) -> Self:
        """Make labels without names whose voxels are read when they are touched."""
        labels = super().of_deferred(deferred, grid)
        object.__setattr__(labels, "names", {})
        return labels

    def with_names(self, names: Mapping[int, str]) -> Self:
        """Return the same labels, read or not, with these names of their values."""
        named = copy(self)
        object.__setattr__(named, "names", dict(names))
        return named

    @property
    def values(self) -> tuple[int, ...]:
        """The structures that occur, background left out."""
        return tuple(v for v in torch.unique(self.data).tolist() if v != 0)

    def without_unknown(self) -> Self:
        """The same labels with background, 0, where there are no data."""
        if self.valid is None:
            return self
        return self.with_data(self.data.masked_fill(~self.valid, 0))


AnyVolume = TypeVar("AnyVolume", bound=Volume)  # images stay images, labels stay labels
