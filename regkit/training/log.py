"""Log what was measured after which step, to a file and to a callback."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from regkit.errors import require
from regkit.training.config import LoopConfig

LOG = "log.jsonl"


@dataclass(frozen=True)
class LogEntry:
    """The values that were measured after a step.

    Parameters
    ----------
    stage, step
        Number of the stage, from 0, and how many of its steps are done.
    kind
        ``train`` or ``validation``.
    values
        ``loss`` and what else the task tells, by name.
    seconds
        Time that the run has taken so far, with what it took before it was stopped.
    """

    stage: int
    step: int
    kind: str
    values: Mapping[str, float]
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """The entry as a line for a person to read.

        Examples
        --------
        >>> LogEntry(0, 20, "train", {"loss": 0.5}).line
        'train      stage 0  step     20  loss 0.5000'
        """
        values = "  ".join(f"{name} {value:.4f}" for name, value in self.values.items())
        return f"{self.kind:<11}stage {self.stage}  step {self.step:>6}  {values}"


OnEntry = Callable[[LogEntry], None]


def log_entries(config: LoopConfig, on_progress: OnEntry) -> OnEntry:
    """Make a callback that calls ``on_progress``, and writes the log of the run and TensorBoard.

    Raises
    ------
    InputError
        If TensorBoard is wanted and not installed.
    """
    board: Any = None
    if config.tensorboard:
        board = require("torch.utils.tensorboard", extra="train").SummaryWriter(str(config.output))

    def tell(entry: LogEntry) -> None:
        on_progress(entry)
        _append(config, entry)
        for name, value in entry.values.items() if board else ():
            board.add_scalar(f"{entry.kind}{entry.stage}/{name}", value, entry.step)

    return tell


def _append(config: LoopConfig, entry: LogEntry) -> None:
    line = {"stage": entry.stage, "step": entry.step, "kind": entry.kind, **entry.values}
    with (config.output / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
