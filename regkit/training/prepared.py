"""Keep on disk what takes seconds to make, so that it is made once."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from regkit import __version__
from regkit.errors import InputError
from regkit.io.atomic import write_serialised

_FORMAT = 1  # to be raised when what is made of the same files becomes something else
_DETACHED = (".mhd", ".nhdr")  # their voxels lie beside them, in a file of the same stem


@dataclass(frozen=True)
class PreparedArrays:
    """A folder of arrays, each known by what it was made of.

    What is read is mapped into memory: as much of it stays there as the system has room for, so
    that a run may see far more images than fit. Several processes may share one folder.
    """

    folder: Path

    def __call__(self, made_of: Sequence[object], make: Callable[[], Tensor]) -> Tensor:
        """Return what ``make`` returns, or has returned before, for the same ``made_of``.

        Parameters
        ----------
        made_of
            All that decides it. A path stands for the file that lies there now.

        Raises
        ------
        InputError
            If the folder may not be written, or what lies in it was damaged.
        ResourceError
            If the disk is full.
        """
        path = self._path(made_of)
        if not path.exists():
            values = make().cpu().numpy()
            write_serialised(path, lambda file: np.save(file, values), _mapped)
        return _mapped(path)

    def has(self, made_of: Sequence[object]) -> bool:
        """Say whether the array has been made before."""
        return self._path(made_of).exists()

    def _path(self, made_of: Sequence[object]) -> Path:
        parts = [_identity(each) for each in (__version__, _FORMAT, *made_of)]
        return self.folder / f"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}.npy"


def _identity(part: object) -> object:
    if not isinstance(part, Path):
        return part
    files = [part]
    if part.suffix in _DETACHED:
        files = sorted(part.parent.glob(f"{glob.escape(part.stem)}.*"))
    states = [each.stat() for each in files]
    return str(part.resolve()), [(each.st_size, each.st_mtime_ns) for each in states]


def _mapped(path: Path) -> Tensor:
    try:
        # Private to this process: what is written to it never reaches the disk.
        return torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: was damaged; delete it, and it is made again") from error
