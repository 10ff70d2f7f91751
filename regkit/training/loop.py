"""Run the loop of any task, stage by stage, and go on exactly from where it was stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from regkit.errors import InputError, require
from regkit.io.atomic import disk_errors
from regkit.kernels.backend import threads
from regkit.registration.devices import resolve_device
from regkit.training.average import Average
from regkit.training.config import LoopConfig, TrainingStage
from regkit.training.log import LOG, LogEntry, OnEntry, log_entries
from regkit.training.processes import Processes, join_processes
from regkit.training.state import TrainingState, deciding, read_state
from regkit.training.tasks import WEIGHTS, TrainingTask

__all__ = ["LOG", "STATE", "WEIGHTS", "LogEntry", "check_training", "train"]

STATE = "state.pt"


def train(task: TrainingTask, on_progress: OnEntry, *, until: int | None = None) -> Path:
    """Train to the end of the last stage, and write the weights.

    Parameters
    ----------
    task
        What is trained, and how.
    on_progress
        Called every ``report_every`` steps, and at every validation.
    until
        Stop after so many steps of this call, with a checkpoint, to go on later.

    Returns
    -------
    Path
        The folder of ``weights.safetensors``, ``state.pt`` and ``log.jsonl``.

    Raises
    ------
    InputError
        If the output is no folder, may not be written or holds a run of another kind, or the loss
        is no number any more.
    """
    config = task.config
    check_training(config)
    with disk_errors(config.output):
        config.output.mkdir(parents=True, exist_ok=True)
    with threads(config.threads), join_processes(config.device) as processes:
        # The first process speaks for all.
        tell = _silent if processes.rank else log_entries(config, on_progress)
        _Run(task, processes, tell, until).go()
    return config.output


def check_training(config: LoopConfig) -> None:
    """Refuse what would stop a run at its beginning.

    Raises
    ------
    InputError
        If the output is a file, the device is not there, or TensorBoard is not installed.
    """
    if config.output.exists() and not config.output.is_dir():
        raise InputError(f"{config.output}: is a file, not a folder; choose another output")
    resolve_device(config.device)
    if config.tensorboard:
        require("tensorboard", extra="train")


@dataclass(frozen=True)
class _Trained:
    """A network, its optimiser, and the running mean of its weights."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: Average


class _Run:
    """The state of a run that changes from step to step."""

    def __init__(
        self,
        task: TrainingTask,
        processes: Processes,
        tell: OnEntry,
        until: int | None,
    ) -> None:
        self.task, self.config, self.processes, self.tell = task, task.config, processes, tell
        self.began = time.perf_counter()
        self.left = math.inf if until is None else until
        # Every process draws pairs of its own.
        self.generator = torch.Generator().manual_seed(self.config.seed + processes.rank)
        torch.manual_seed(self.config.seed)  # the layers of torch draw their first weights from it

    def go(self) -> None:
        path = self.config.output / STATE
        count = self.processes.count
        state = read_state(path, config=self.config, processes=count) if path.exists() else None
        self.began -= 0.0 if state is None else state.seconds
        network: nn.Module | None = None
        for number, stage in enumerate(self.config.stages):
            network = self.task.begin(number, network).to(self.processes.device)
            if state is not None and number < state.stage:
                continue
            here = state if state is not None and number == state.stage else None
            network = self._stage(number, stage, network, here)
            if self.left <= 0:
                return

    def _stage(
        self, number: int, stage: TrainingStage, network: nn.Module, state: TrainingState | None
    ) -> nn.Module:
        """Train ``network``, and return what is kept of it."""
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=stage.learning_rate, weight_decay=self.config.weight_decay
        )
        average = Average(network, self.config.average)
        if state is not None:
            network.load_state_dict(state.network)
            optimiser.load_state_dict(state.optimiser)
            average.resume(state.average)
            self.generator.set_state(state.generators[self.processes.rank])
        self.processes.agree(network)
        trained = _Trained(network, optimiser, average)
        start = 0 if state is None else state.step
        for step in range(start, stage.steps):
            if self.left <= 0:
                self._keep(number, step, trained)
                return average.kept
            values = self._step(trained, _rate(stage, step))
            self.left -= 1
            self._after(number, step + 1, stage, trained, values)
        self._keep(number, stage.steps, trained)
        return average.kept

    def _step(self, trained: _Trained, rate: float) -> dict[str, float]:
        network, optimiser = trained.network, trained.optimiser
        for group in optimiser.param_groups:
            group["lr"] = rate
        device = self.processes.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            found = self.task.loss(network, device, self.generator)
        optimiser.zero_grad()
        torch.autograd.backward(found["loss"])
        self.processes.average(network)
        norm = nn.utils.clip_grad_norm_(network.parameters(), self.config.clip)
        loss = float(found["loss"].detach())
        if not math.isfinite(loss + float(norm)):
            raise InputError(
                f"the loss is {loss:g}, its gradient {float(norm):g}; lower learning_rate and "
                f"begin in another output, from start: {self.config.output / WEIGHTS} if it is "
                "there"
            )
        optimiser.step()
        trained.average.follow()
        return {name: float(value.detach()) for name, value in found.items()}

    def _after(
        self,
        number: int,
        step: int,
        stage: TrainingStage,
        trained: _Trained,
        values: dict[str, float],
    ) -> None:
        """Report, validate and write checkpoints, each at its interval."""
        last = step == stage.steps
        if last or step % self.config.report_every == 0:
            self._tell(number, step, "train", values)
        if last or step % self.config.validate_every == 0:
            held_out = self.task.validate(trained.average.kept, self.processes.device)
            if held_out:
                self._tell(number, step, "validation", held_out)
        if step % self.config.checkpoint_every == 0:
            self._keep(number, step, trained)

    def _tell(self, number: int, step: int, kind: str, values: Mapping[str, float]) -> None:
        seconds = time.perf_counter() - self.began
        self.tell(LogEntry(number, step, kind, values, seconds))

    def _keep(self, number: int, step: int, trained: _Trained) -> None:
        generators = self.processes.gather(self.generator.get_state())
        if self.processes.rank == 0:
            here = TrainingState(
                deciding(self.config),
                number,
                step,
                trained.network.state_dict(),
                trained.optimiser.state_dict(),
                trained.average.state(),
                generators,
                time.perf_counter() - self.began,
            )
            here.save(self.config.output / STATE)
            self.task.save(trained.average.kept, self.config.output / WEIGHTS)


def _rate(stage: TrainingStage, step: int) -> float:
    if not stage.decay:
        return stage.learning_rate
    return stage.learning_rate * (1 + math.cos(math.pi * step / stage.steps)) / 2


def _silent(entry: LogEntry) -> None:
    """The callback of a process for which another one speaks."""
