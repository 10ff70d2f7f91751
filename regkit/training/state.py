"""Keep all that a run needs to go on to the bit from where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from regkit.errors import InputError
from regkit.io.atomic import write_serialised
from regkit.training.config import LoopConfig

# What may change while a run goes on: where, on what and how often, not what is learned.
_ASIDE = {
    "output", "prepared", "device", "threads", "tensorboard",
    "report_every", "checkpoint_every", "validate_every",
}  # fmt: skip
_DAMAGED = "is no checkpoint of regkit train; delete it to begin anew"


@dataclass(frozen=True)
class TrainingState:
    """The state of a run after ``step`` steps of ``stage``, with one generator state a process.

    ``seconds`` is the time that they took; checkpoints of earlier versions do not tell it.
    """

    config: dict[str, Any]
    stage: int
    step: int
    network: dict[str, Any]
    optimiser: dict[str, Any]
    average: dict[str, Any]
    generators: list[torch.Tensor]
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        write_serialised(path, lambda file: torch.save(asdict(self), file), _read)


def deciding(config: LoopConfig) -> dict[str, Any]:
    """Return the settings that decide a run, as plain values."""
    return config.model_dump(mode="json", exclude=_ASIDE)


def aside(config: LoopConfig) -> dict[str, Any]:
    """Return the settings that may differ between sessions of a run, but for folders."""
    return config.model_dump(mode="json", include=_ASIDE - {"output", "prepared"})


def read_state(path: Path, *, config: LoopConfig, processes: int) -> TrainingState:
    """Read a checkpoint that :meth:`TrainingState.save` has written.

    Parameters
    ----------
    path
        The checkpoint file.
    config
        The settings of this run, which must be those that the checkpoint was begun with, except for
        places, devices and intervals of reports.
    processes
        How many processes this run has.

    Raises
    ------
    InputError
        If it is no such file, or was begun with other settings or another number of processes.
    """
    found = _read(path)
    apart = _difference(found.config, deciding(config))
    if apart is not None:
        name, old, new = apart
        raise InputError(
            f"{path}: was begun with {name} {old!r:.60}, now it is {new!r:.60}; go on with what it "
            "was, or choose another output"
        )
    if len(found.generators) != processes:
        raise InputError(
            f"{path}: was written by {len(found.generators)} processes, this run has {processes}; "
            "go on with as many, or choose another output"
        )
    return found


def _difference(old: Any, new: Any, name: str = "") -> tuple[str, Any, Any] | None:
    """Return the first setting that is not the same: its name, and both of its values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {**old, **new}:
            inner = f"{name}.{key}" if name else str(key)
            apart = _difference(old.get(key), new.get(key), inner)
            if apart is not None:
                return apart
        return None
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return _difference(dict(enumerate(old)), dict(enumerate(new)), name)
    return None if old == new else (name, old, new)


def _read(path: Path) -> TrainingState:
    try:
        return TrainingState(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever torch makes of a damaged file
        raise InputError(f"{path}: {_DAMAGED}") from error
