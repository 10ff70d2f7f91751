"""Voxels that are read when they are touched, once; until then a header speaks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.geometry.grid import Grid
from regkit.volume.once import once

Part = tuple[slice, ...]
Voxels = tuple[Tensor, Tensor | None]

_SOURCE = "_deferred"


class VoxelSource(Protocol):
    """Where voxels come from: a file whose header has been read. It can be pickled."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the voxels, ``(C, *spatial)``."""

    @property
    def dtype(self) -> torch.dtype | None:
        """The type of the voxels; None where only the voxels themselves tell."""

    @property
    def in_parts(self) -> bool:
        """Whether a part of the voxels can be read without the rest."""

    def read(self, part: Part | None = None) -> Voxels:
        """Read a part of the voxels, or all: data ``(C, *spatial)``, and where they are valid.

        Raises
        ------
        InputError
            If they cannot be read, or are not those that the header told of.
        """


class DeferredVoxels:
    """The voxels of a source, read by the first thread that wants them and kept."""

    def __init__(self, source: VoxelSource) -> None:
        self.source = source

    @once
    def voxels(self) -> Voxels:
        """All voxels, which are read at the first touch and kept."""
        return self._checked(self.source.read(), self.source.shape[1:])

    def part(self, where: Part) -> Voxels:
        """Read some of the voxels, a slice an axis; they are not kept."""
        return self._checked(self.source.read(where), tuple(s.stop - s.start for s in where))

    def _checked(self, voxels: Voxels, spatial: tuple[int, ...]) -> Voxels:
        """What was read, if the header told of it: nothing was planned for anything else."""
        data, source = voxels[0], self.source
        promised = (source.shape[0], *spatial), source.dtype or data.dtype
        if (tuple(data.shape), data.dtype) != promised:
            raise InputError(
                f"{source.name}: holds {data.dtype} {tuple(data.shape)}, and its header promised "
                f"{promised[1]} {promised[0]}; report this to whoever wrote the format"
            )
        return voxels


class LazyVoxels:
    """What is known of a volume before its voxels are touched, and how they come.

    Its fields ``data`` and ``valid`` may be missing until then; a header speaks for them.
    """

    if TYPE_CHECKING:
        data: Tensor
        grid: Grid
        name: str
        valid: Tensor | None
    else:  # a type checker would take every misspelt attribute for one that is there

        def __getattr__(self, name: str) -> Any:
            """``data`` and ``valid``, which Python does not find before they are read."""
            kept = vars(self)
            deferred = kept.get(_SOURCE)
            if name in ("data", "valid") and deferred is not None:
                kept.update(zip(("data", "valid"), deferred.voxels, strict=True))
                kept.pop(_SOURCE, None)
            if name not in kept:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return kept[name]

    @classmethod
    def of_deferred(cls, deferred: DeferredVoxels, grid: Grid) -> Self:
        """Make a volume whose voxels are read when they are touched."""
        volume = cls.__new__(cls)
        object.__setattr__(volume, "grid", grid)
        object.__setattr__(volume, "name", deferred.source.name)
        vars(volume)[_SOURCE] = deferred
        return volume

    @property
    def deferred(self) -> DeferredVoxels | None:
        """The source that will read the voxels; None where they are in memory."""
        found: DeferredVoxels | None = vars(self).get(_SOURCE)
        return found

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return self.grid.ndim

    @property
    def channels(self) -> int:
        """Length of the first axis."""
        deferred = self.deferred
        return int((self.data if deferred is None else deferred.source).shape[0])

    @property
    def dtype(self) -> torch.dtype:
        """The type of the voxels; labels stored as real numbers must be read to tell it."""
        return self._known_dtype or self.data.dtype

    @property
    def _known_dtype(self) -> torch.dtype | None:
        deferred = self.deferred
        return self.data.dtype if deferred is None else deferred.source.dtype

    def load(self) -> Self:
        """Return the same volume once its voxels are in memory; they are read if they are not.

        Raises
        ------
        InputError
            If they cannot be used, or the file has changed since its header was read.
        """
        _ = self.data
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along each index axis; channels are counted by ``channels``."""
        return self.grid.shape

    @property
    def affine(self) -> Matrix:
        """``(d + 1, d + 1)`` float64, index to world."""
        return self.grid.affine

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbouring voxel centres along each index axis, in world units."""
        return self.grid.spacing

    def _part(self, where: Part) -> Voxels:
        """Data and valid voxels of a part, which is all that is read where that is possible."""
        deferred, shown = self.deferred, all(axis.start < axis.stop for axis in where)
        if deferred is not None and deferred.source.in_parts and shown:
            return deferred.part(where)
        return self.data[(slice(None), *where)], None if self.valid is None else self.valid[where]
