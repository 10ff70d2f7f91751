"""Volume and Labels: a tensor on a grid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.volume.fill import check_fill

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, eq=False, repr=False)
class Volume:
    """Image intensities on a grid.

    Parameters
    ----------
    data
        ``(C, *spatial)``, spatial = (i, j, k) of the grid; a plain ``(*spatial)`` array gains
        its channel axis. Stored in the type it came in; arithmetic is done in float32.
    grid
        Where the voxels lie in the world.
    name
        What messages call it, usually the file name.

    Raises
    ------
    InputError
        If data and grid do not fit together.

    Examples
    --------
    >>> import numpy as np, torch
    >>> Volume(torch.zeros(4, 5, 6), Grid((4, 5, 6), np.eye(4)), name="empty")
    Volume(4x5x6, 1x1x1 mm, RAS, float32, 'empty')
    """

    data: Tensor
    grid: Grid
    name: str = ""

    def __post_init__(self) -> None:
        data = self.data
        if data.ndim == self.grid.ndim:
            data = data[None]
        if tuple(data.shape[1:]) != self.grid.shape:
            raise InputError(
                f"{self.name or 'volume'}: data {tuple(self.data.shape)} does not fit "
                f"the grid {self.grid.shape}"
            )
        object.__setattr__(self, "data", data)

    def __repr__(self) -> str:
        grid = self.grid
        size = "x".join(map(str, grid.shape))
        spacing = "x".join(f"{s:.4g}" for s in grid.spacing)
        dtype = str(self.data.dtype).removeprefix("torch.")
        channels = f"{self.channels} channels, " if self.channels > 1 else ""
        return (
            f"{type(self).__name__}({size}, {spacing} mm, {grid.orientation}, "
            f"{channels}{dtype}, {self.name!r})"
        )

    def _repr_html_(self) -> str:
        from regkit.report.notebook import volume_html

        return volume_html(self)

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return self.grid.ndim

    @property
    def channels(self) -> int:
        """Length of the first axis."""
        return int(self.data.shape[0])

    def with_data(self, data: Tensor) -> Self:
        """The same grid and name around other data."""
        return replace(self, data=data)

    def reoriented(self, codes: str) -> Self:
        """The same voxels, stored so that the axes point along ``codes`` (such as ``"RAS"``).

        Nothing is resampled and no voxel moves in the world.
        """
        order, flipped = self.grid.reorder(codes)
        data = self.data.permute(0, *(axis + 1 for axis in order))
        data = data.flip([axis + 1 for axis in flipped]) if flipped else data
        return replace(self, data=data.contiguous(), grid=self.grid.reoriented(codes))

    def window(self, start: Sequence[int], shape: Sequence[int], *, fill: float = 0) -> Self:
        """Crop or pad to the window of ``shape`` voxels that begins at index ``start``.

        Raises
        ------
        InputError
            If the type of the voxels cannot hold ``fill``.
        """
        check_fill(fill, self.data.dtype, self.name)
        out = self.data.new_full((self.channels, *shape), fill)
        source, target = [slice(None)], [slice(None)]
        for first, size, have in zip(start, shape, self.grid.shape, strict=True):
            low, high = max(first, 0), max(first, 0, min(first + size, have))
            source.append(slice(low, high))
            target.append(slice(low - first, high - first))
        out[tuple(target)] = self.data[tuple(source)]
        return replace(self, data=out, grid=self.grid.window(start, shape))

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write to ``path`` (.nii, .nii.gz, .nrrd, .mha, .mhd), whole or not at all.

        Raises
        ------
        InputError
            If the extension is unknown, or the file exists and ``overwrite`` is false.
        """
        from regkit.io import save

        return save(self, path, overwrite=overwrite)


@dataclass(frozen=True, eq=False, repr=False)
class Labels(Volume):
    """An integer map: every voxel names a structure, 0 is background.

    Being a type of its own, it is never interpolated: whatever samples it takes the nearest
    voxel.

    Raises
    ------
    InputError
        If the data are not of an integer type, or have more than one channel.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.is_floating_point() or self.data.is_complex():
            raise InputError(
                f"{self.name or 'labels'}: labels must be whole numbers, not {self.data.dtype}"
            )
        if self.data.dtype is torch.bool:
            object.__setattr__(self, "data", self.data.to(torch.uint8))
        if self.channels != 1:
            raise InputError(f"{self.name or 'labels'}: labels have one channel, not many")

    @property
    def values(self) -> tuple[int, ...]:
        """The structures that occur, background left out."""
        return tuple(v for v in torch.unique(self.data).tolist() if v != 0)
