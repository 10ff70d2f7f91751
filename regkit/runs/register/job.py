"""RegisterJob: what one registration is going to do, before anything is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io import ReadOptions
from regkit.registration.backbones import backbone_files
from regkit.registration.config import RegisterConfig, as_asked
from regkit.registration.devices import resolve_device
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.outputs import LONGEST_NAME, RECORD, Folder
from regkit.runs.register.headers import Headers, read_headers
from regkit.runs.register.memory import needs_of
from regkit.runs.register.names import FILES, STRUCTURES, warped_name
from regkit.runs.register.outcome import RegisterOutcome
from regkit.runs.register.pair import open_pair
from regkit.runs.register.paths import Paths
from regkit.runs.register.restored import restored_outcome
from regkit.runs.register.task import RegisterTask


@dataclass(frozen=True)
class RegisterJob:
    """One registration: what `regkit register` runs.

    Parameters
    ----------
    paths
        The files that it reads.
    folder
        Where its results go.
    preset
        The name of the one that ``config`` began from.
    config
        All settings.
    overwrite
        Replace results that are there.
    reading
        How images are read.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    init_program
        Whose the initial transform is, where its file does not tell.
    """

    kind: ClassVar[str] = "register"

    paths: Paths
    folder: Path
    preset: str
    config: RegisterConfig
    overwrite: bool
    reading: ReadOptions
    full_paths: bool = False
    init_program: str | None = None

    @property
    def outputs(self) -> Folder:
        """One folder, the record last."""
        scores = (STRUCTURES,) if self.paths.fixed_labels else ()
        names = (*FILES, *scores, *map(warped_name, self.paths.moving_labels), RECORD)
        return Folder(self.folder, names, self.overwrite)

    def inputs(self) -> tuple[InputFile, ...]:
        """Every file of ``paths``."""
        return tuple(InputFile(role, path, self.full_paths) for role, path in self.paths.given())

    def settings(self) -> dict[str, Any]:
        """The settings as they were given, how files are read, and what backbones are made of."""
        backbones = backbone_files(self.config.similarity)
        return {
            "asked": as_asked(self.config),
            "backbones": [{"file": path.name, "sha256": sha256(path)} for path in backbones],
            "reading": asdict(self.reading),
            **({"init_from": self.init_program} if self.init_program else {}),
        }

    def plan(self) -> dict[str, Any]:
        """Preset and settings."""
        return {"preset": self.preset, "config": self.config.model_dump(mode="json")}

    def check(self) -> None:
        """Refuse what could not be carried out, reading no image.

        Raises
        ------
        InputError
            If the device is not there, labels that are to guide or contrasts of one image are
            missing, or two outputs would share a name.
        """
        resolve_device(self.config.device)
        counts = len(self.paths.fixed_with), len(self.paths.moving_with)
        if counts[0] != counts[1]:
            raise InputError(
                f"--fixed-with names {counts[0]} images and --moving-with {counts[1]}; give as "
                "many of each, in the same order of contrasts"
            )
        if self.config.dice and not (self.paths.fixed_labels and self.paths.moving_labels):
            raise InputError(
                f"--dice {self.config.dice:g} needs labels of both images; give --fixed-labels and "
                "--moving-labels"
            )
        landmarks = [self.paths.fixed_landmarks, self.paths.moving_landmarks]
        if self.config.landmark_weight and None in landmarks:
            raise InputError(
                f"--landmark-weight {self.config.landmark_weight:g} needs landmarks of both "
                "images; give --landmarks FIXED MOVING"
            )
        _check_names(self)

    def look(self) -> RegisterSurvey:
        """Read the headers of both images."""
        return RegisterSurvey(self, read_headers(self))

    def restored(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> RegisterOutcome:
        """Read what a finished run has found; see :class:`regkit.runs.job.Restorable`."""
        return restored_outcome(self, self.look().open().pair, places, record)


@dataclass(frozen=True)
class RegisterSurvey:
    """A registration whose two images have been looked at."""

    job: RegisterJob
    headers: Headers

    def needs(self) -> Needs:
        """Memory and disk, by the headers alone."""
        return needs_of(self.headers, self.job.config)

    def open(self) -> RegisterTask:
        """Read and check every file."""
        return RegisterTask(self.job, open_pair(self.job, self.headers))


def _check_names(job: RegisterJob) -> None:
    names = job.outputs.names
    for name in names:
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise InputError(
                f"{name[:40]}...: the output would have a name of {len(os.fsencode(name))} bytes; "
                f"at most {LONGEST_NAME} are allowed. Rename the --moving-labels"
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]} would be written twice; rename one of the --moving-labels")
    if job.paths.fixed_labels and not job.paths.moving_labels:
        raise InputError("--fixed-labels needs --moving-labels to be compared with; give both")
