"""State: all that a run needs to go on to the bit from where it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from regkit.errors import InputError
from regkit.io.atomic import write_atomically

_DAMAGED = "is no checkpoint of regkit train; delete it to begin anew"


@dataclass(frozen=True)
class State:
    """After ``step`` steps of ``stage``. One generator state a process."""

    task: str
    stage: int
    step: int
    network: dict[str, Any]
    optimiser: dict[str, Any]
    generators: list[torch.Tensor]

    def save(self, path: Path) -> None:
        """Write, whole or not at all."""
        write_atomically(path, lambda part: torch.save(asdict(self), part), _read, overwrite=True)


def read_state(path: Path, *, task: str, processes: int) -> State:
    """What :meth:`State.save` has written.

    Raises
    ------
    InputError
        If it is no such file, or of another task, or of another number of processes.
    """
    found = _read(path)
    if found.task != task:
        raise InputError(f"{path}: is of task {found.task}, not {task}; choose another output")
    if len(found.generators) != processes:
        raise InputError(
            f"{path}: was written by {len(found.generators)} processes, this run has {processes}; "
            "go on with as many, or choose another output"
        )
    return found


def _read(path: Path) -> State:
    try:
        return State(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever torch makes of a damaged file
        raise InputError(f"{path}: {_DAMAGED}") from error
