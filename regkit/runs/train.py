"""TrainJob: what `regkit train` is going to do, whatever it trains."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.runs.growing import GrowingFolder
from regkit.runs.inputs import InputFile, shown_name
from regkit.runs.job import Needs
from regkit.runs.progress import OnProgress, Progress
from regkit.training.config import LoopConfig
from regkit.training.log import LOG, LogEntry
from regkit.training.loop import STATE, check_training, train
from regkit.training.state import aside, deciding
from regkit.training.tasks import TrainingTask as Training
from regkit.training.tasks import open_task


@dataclass(frozen=True)
class TrainJob:
    """One training. Its tables are read when they are asked for: they say what the inputs are.

    Parameters
    ----------
    given
        What a YAML file says, with the ``output`` of the run.
    name
        What messages call that file.
    overwrite
        Begin anew, over what is there; otherwise a folder with a checkpoint goes on.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    """

    kind: ClassVar[str] = "train"

    given: Mapping[str, Any]
    name: str = "settings"
    overwrite: bool = False
    full_paths: bool = False

    def __getstate__(self) -> dict[str, Any]:
        # Another process makes a task of its own.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def training(self) -> Training:
        """The task, with its settings, tables and headers checked."""
        return open_task(self.given, self.name)

    @property
    def config(self) -> LoopConfig:
        """All settings."""
        return self.training.config

    @property
    def outputs(self) -> GrowingFolder:
        """The weights, and the record; checkpoint and log lie beside them."""
        first = int(os.environ.get("RANK", "0")) == 0
        names = self.training.outputs
        return GrowingFolder(self.config.output, names, STATE, (LOG,), self.overwrite, first)

    def inputs(self) -> list[InputFile]:
        """Files that the settings name, with the name of the setting as their role."""
        named = self.training.inputs().items()
        return [InputFile(role, path, self.full_paths) for role, path in named]

    def settings(self) -> dict[str, Any]:
        """All that decides the weights, and the SHA-256 of what the tables name."""
        asked = deciding(self.config)
        for each in self.inputs():
            _put(asked, each.role, each.shown)
        return {"asked": asked, "data": _digests(self.training.data())}

    def plan(self) -> dict[str, Any]:
        """How much is learned from, and all settings."""
        config = self.config.model_dump(mode="json", exclude={"output"})
        for each in self.inputs():
            _put(config, each.role, each.shown)
        goes_on = not self.overwrite and (self.config.output / STATE).is_file()
        return {
            "data": f"{len(self.training.data())} files",
            "begins": f"where {STATE} was written" if goes_on else "anew",
            "config": config,
        }

    def check(self) -> None:
        """Refuse an output, a device or a log that could not be used.

        Raises
        ------
        InputError
            If a setting is wrong as well.
        """
        check_training(self.config)

    def look(self) -> TrainJob:
        """The headers have been read with the tables."""
        return self

    def needs(self) -> Needs:
        """What is known to be needed at least."""
        memory, disk = self.training.bytes_needed()
        helps = "use a smaller network, or fewer or smaller images"
        return Needs(memory, disk, of=self.name, helps=helps)

    def open(self) -> TrainTask:
        """Read what has to be in memory."""
        self.training.open()
        return TrainTask(self.training)


@dataclass(frozen=True, eq=False)
class TrainTask:
    """A training that can begin."""

    training: Training
    notices: tuple[str, ...] = ()

    @property
    def introduction(self) -> tuple[str]:
        """What is learned from."""
        return (f"data    {len(self.training.data())} files",)

    def execute(self, on_progress: OnProgress) -> TrainOutcome:
        """Train to the end, from the checkpoint if there is one; checkpoints are written."""
        outcome = TrainOutcome(self.training.config)

        def tell(entry: LogEntry) -> None:
            outcome.last[entry.kind] = entry
            on_progress(_progress(entry, self.training.config))

        train(self.training, tell)
        return outcome


@dataclass(frozen=True, eq=False)
class TrainOutcome:
    """A trained network, whose weights have been written as it was trained."""

    config: LoopConfig
    last: dict[str, LogEntry] = field(default_factory=dict)

    def entries(self, seconds: float) -> dict[str, Any]:
        """The last values, how it was run, and the seconds of all sessions of the run."""
        most = max((each.seconds for each in self.last.values()), default=seconds)
        last = {kind: dict(each.values) for kind, each in self.last.items()}
        return {"last": last, "run": aside(self.config), "seconds": round(most, 2)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Nothing: the weights are in place."""

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the log has not said."""
        return ()


def train_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> TrainJob:
    """Make the training that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its settings are not settings, or the images of its tables have changed.
    """
    how = record.get("run")
    given = {**(how if isinstance(how, dict) else {}), **copy.deepcopy(record["asked"])}
    for each in inputs:
        if not _put(given, each.role, str(each.path)):
            raise InputError(f"the record has no setting {each.role!r}; it is damaged")
    given["output"] = str(folder)
    job = TrainJob(given, "the record", full_paths=any(each.full_path for each in inputs))
    _refuse_other_data(record.get("data"), job.training.data())
    return job


def _refuse_other_data(before: Any, files: Sequence[Path]) -> None:
    known = before if isinstance(before, list) else []
    if len(known) != len(files):
        raise InputError(
            f"the record was learned from {len(known)} files, now there are {len(files)}; give "
            "those of the run"
        )
    for old, path in zip(known, files, strict=True):
        if not isinstance(old, dict) or old.get("sha256") != sha256(path):
            raise InputError(
                f"{display_name(path)}: is not the file that the run learned from (its SHA-256 "
                "differs); give the one of the run"
            )


def _progress(entry: LogEntry, config: LoopConfig) -> Progress:
    steps = config.stages[entry.stage].steps
    loss = entry.values.get("loss")
    note = f"step {entry.step}" + ("" if loss is None else f"  loss {loss:.4f}")
    return Progress(f"stage {entry.stage}", entry.step / steps, note, line=entry.line)


def _digests(files: Sequence[Path]) -> list[dict[str, str]]:
    return [{"file": shown_name(path, full=False), "sha256": sha256(path)} for path in files]


def _put(settings: Any, name: str, value: str) -> bool:
    """Change the setting of a dotted name; False if there is none."""
    *outer, last = list(_keys(name))
    for key in outer:
        settings = _at(settings, key)
    if _at(settings, last) is None:
        return False
    settings[last] = value
    return True


def _keys(name: str) -> Iterator[str | int]:
    for part in name.split("."):
        yield int(part) if part.isdecimal() else part


def _at(settings: Any, key: str | int) -> Any:
    if isinstance(settings, list) and isinstance(key, int) and key < len(settings):
        return settings[key]
    return settings.get(str(key)) if isinstance(settings, dict) else None
