"""Voxels that are read when they are touched, once; until then a header speaks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from regkit.errors import InputError
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


class Deferred:
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
    """Base of volumes whose fields ``data`` and ``valid`` may be missing until they are touched."""

    if not TYPE_CHECKING:  # it would hide every attribute that is misspelt

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

    @property
    def deferred(self) -> Deferred | None:
        """The source that will read the voxels; None where they are in memory."""
        found: Deferred | None = vars(self).get(_SOURCE)
        return found

    def _defer(self, deferred: Deferred) -> None:
        vars(self)[_SOURCE] = deferred
