"""Tasks: what can be trained, by name, from regkit and from other packages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from regkit.errors import InputError
from regkit.settings import near
from regkit.training.config import LoopConfig

GROUP = "regkit.tasks"
# What pyproject.toml declares too; here so that a checkout that is not installed can train.
_OWN = EntryPoint("registration", "regkit.training.registration:RegistrationTask.of", GROUP)


class Task(Protocol):
    """What the loop trains. It is opened with the words of a YAML file, and checks them all."""

    @property
    def config(self) -> LoopConfig:
        """What the loop needs to know."""

    def begin(self, stage: int, network: nn.Module | None) -> nn.Module:
        """The network of a stage, made of that of the stage before."""

    def loss(
        self, network: nn.Module, device: torch.device, generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """One draw: ``loss`` is descended, the other values are reported."""

    def validate(self, network: nn.Module, device: torch.device) -> Mapping[str, float]:
        """Values on what is held out; none if nothing is."""

    def save(self, network: nn.Module, path: Path) -> None:
        """Write the trained network."""


def open_task(given: Mapping[str, Any], name: str) -> Task:
    """The task that ``given`` asks for.

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
    found = {_OWN.name: _OWN} | {entry.name: entry for entry in entry_points(group=GROUP)}
    wanted = str(given.get("task", ""))
    if wanted not in found:
        raise InputError(f"{name}: task {wanted!r} does not exist{near(wanted, list(found))}")
    task: Task = found[wanted].load()(given, name)
    return task
