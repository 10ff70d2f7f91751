"""Files whose header is read now, and whose voxels when they are touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch

from regkit.errors import InputError
from regkit.io.format import Window
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.preflight import preflight
from regkit.volume.arrays import torch_type
from regkit.volume.deferred import DeferredVoxels, Part, Voxels
from regkit.volume.volume import Labels, Volume

Opened = TypeVar("Opened", bound=Volume, covariant=True)


class Open(Protocol[Opened]):
    """Read a file at once by its header; a function of a module, so that it can be pickled."""

    def __call__(self, source: Header, *, window: Window | None = None) -> Opened:
        """The window, or everything."""


@dataclass(frozen=True)
class FileState:
    """What tells that a file is still the same: its size, and when it was last written to."""

    path: Path
    size: int = -1
    written: int = -1

    @classmethod
    def now(cls, path: Path) -> FileState:
        """Return the present state of a file; one that is not there has neither size nor time."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            return cls(path)
        return cls(path, status.st_size, status.st_mtime_ns)

    def check(self, name: str) -> None:
        """Refuse voxels that are not those whose header was read.

        Raises
        ------
        InputError
            If the file is gone or has changed.
        """
        found = FileState.now(self.path)
        if found == self:
            return
        file = display_name(self.path)
        which = file if file == name else f"{name}: its file {file}"
        what = "is gone" if found.size < 0 else "has changed"
        raise InputError(
            f"{which}: {what} since its header was read; voxels are read when they are touched. "
            "Read it again, or call .load() before files are replaced"
        )


@dataclass(frozen=True)
class FileSource:
    """The voxels of a file, as :class:`regkit.volume.deferred.VoxelSource` has them.

    Parameters
    ----------
    header
        Of one frame and channel, with a path that does not depend on the working directory.
    states
        Of all its files, when the header was read.
    dtype
        As the volume has it; None where only the voxels tell.
    opens
        Reads them.
    """

    header: Header
    states: tuple[FileState, ...]
    dtype: torch.dtype | None
    opens: Open[Volume]

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.header.name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the voxels, ``(C, *spatial)``."""
        return (self.header.kept, *self.header.grid.shape)

    @property
    def in_parts(self) -> bool:
        """Whether the format can read a window without the rest."""
        return self.header.in_parts

    def read(self, part: Part | None = None) -> Voxels:
        """Read a part of the voxels, or all: data ``(C, *spatial)``, and where they are valid.

        Raises
        ------
        InputError
            If the file has changed, or its voxels cannot be used.
        """
        self._check()
        found = self.opens(self.header, window=part)
        self._check()
        return found.data, found.valid

    def _check(self) -> None:
        for state in self.states:
            state.check(self.name)


def open_lazily(
    path: str | Path, options: ReadOptions, kind: type[Opened], opens: Open[Opened]
) -> Opened:
    """Read the header of a file now, and give a volume that reads its voxels when they are touched.

    A format that does not say what type its values have is read at once.

    Parameters
    ----------
    path
        An image file, or a folder where a format takes one.
    options
        The choices of :func:`regkit.io.read`.
    kind
        What to make: :class:`regkit.Volume`, or :class:`regkit.Labels` for a label map.
    opens
        Reads the voxels of a header; a function of a module, so that the volume can be pickled.

    Raises
    ------
    InputError
        If the header cannot be used; see :func:`regkit.io.preflight`.
    """
    place = Path(path)
    place = place.absolute() if place.name else place
    before = FileState.now(place)
    header = preflight(place, options)
    if not header.value_type:
        return opens(header)
    states = (before, *(FileState.now(each) for each in header.beside))
    source = FileSource(header, states, _dtype(header, kind), opens)
    volume = kind.of_deferred(DeferredVoxels(source), header.grid)
    return volume.with_names(header.label_names) if isinstance(volume, Labels) else volume


def _dtype(header: Header, kind: type[Volume]) -> torch.dtype | None:
    """The type in which torch holds the values; labels become whole numbers as they allow."""
    name = header.value_type
    if header.grey:
        return torch.float64 if name == "float64" else torch.float32
    found: torch.dtype = getattr(torch, torch_type(np.dtype(name)))
    return None if issubclass(kind, Labels) and found.is_floating_point else found
