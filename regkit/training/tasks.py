"""Find tasks that can be trained by name, from regkit and from other packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from regkit.errors import InputError
from regkit.plugins import plug_ins
from regkit.settings import near
from regkit.training.config import LoopConfig

TASKS_GROUP = "regkit.tasks"
WEIGHTS = "weights.safetensors"
"""The file that most tasks save."""
# What pyproject.toml declares too; here so that a checkout that is not installed can train.
_OWN = EntryPoint("registration", "regkit.training.registration:RegistrationTask.of", TASKS_GROUP)


class TrainingTask(Protocol):
    """A task for the loop to train. It is made from the settings of a YAML file.

    Making one checks them all, with tables and the headers of images; :meth:`open` reads what has
    to be in memory.
    """

    @property
    def config(self) -> LoopConfig:
        """The settings of the loop."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the files that :meth:`save` writes, below the folder of the run."""

    def inputs(self) -> Mapping[str, Path]:
        """Return the files that the settings name, by the dotted name of the setting.

        Such a name is ``sources.0.table``.
        """

    def data(self) -> Sequence[Path]:
        """List further files that are learned from, such as the images of a table."""

    def bytes_needed(self) -> tuple[int, int]:
        """Return the least memory and disk in bytes; 0 where nothing is known."""

    def open(self) -> None:
        """Read the data, and check what the headers do not tell.

        Raises
        ------
        InputError
            If an image cannot be learned from.
        """

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """Build the network of a stage from that of the stage before."""

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Draw a batch and compute its values: ``loss`` is minimised, the others are reported."""

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Return values on what is held out; none if nothing is."""

    def save(self, network: nn.Module, path: Path) -> None:
        """Write the trained network."""


def open_task(given: Mapping[str, Any], name: str) -> TrainingTask:
    """Open the task that the settings in ``given`` ask for.

    Parameters
    ----------
    given
        What a YAML file says; ``task`` names an entry point of the group ``regkit.tasks``, which
        is called with ``given`` and ``name``.
    name
        What messages call the file.

    Raises
    ------
    InputError
        If there is no such task, or it refuses what it is given.
    """
    found = plug_ins(TASKS_GROUP, [_OWN])
    wanted = str(given.get("task", ""))
    if wanted not in found:
        raise InputError(f"{name}: task {wanted!r} does not exist{near(wanted, list(found))}")
    task: TrainingTask = found[wanted].load()(given, name)
    return task
