"""RegisterJob: what one registration is going to do, before anything is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io import ReadOptions
from regkit.io.names import display_name
from regkit.io.settings import read_settings
from regkit.registration.backbones import backbone_files
from regkit.registration.config import RegisterConfig, as_asked, make_config
from regkit.registration.devices import resolve_device
from regkit.runs.inputs import InputFile
from regkit.runs.job import Needs
from regkit.runs.outputs import LONGEST_NAME, RECORD, Folder
from regkit.runs.register.headers import Headers, read_headers
from regkit.runs.register.memory import needs_of
from regkit.runs.register.names import FILES, STRUCTURES, stem, warped_name
from regkit.runs.register.outcome import RegisterOutcome
from regkit.runs.register.pair import open_pair
from regkit.runs.register.restored import restored_outcome
from regkit.runs.register.task import RegisterTask

if TYPE_CHECKING:
    from regkit.registration.config import Preset

RULES = ("auto", "header", "centers", "moments")


MANY = ("fixed_with", "moving_with", "moving_labels")  # roles that several files can have


@dataclass(frozen=True)
class Paths:
    """The files that one registration reads.

    ``fixed_with`` and ``moving_with`` are further contrasts of each image, on its grid, in one
    order: channels that are compared each with its own. ``fixed_landmarks`` and
    ``moving_landmarks`` are the same landmarks in both images, in one order.
    """

    fixed: Path
    moving: Path
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    fixed_labels: Path | None = None
    moving_labels: tuple[Path, ...] = ()
    init: Path | None = None
    fixed_with: tuple[Path, ...] = ()
    moving_with: tuple[Path, ...] = ()
    fixed_landmarks: Path | None = None
    moving_landmarks: Path | None = None

    def given_labels(self) -> tuple[Path, ...]:
        """Those of moving, then that of fixed if there is one."""
        return (*self.moving_labels, *filter(None, [self.fixed_labels]))

    def given(self) -> list[tuple[str, Path]]:
        """Role and path of every file, in the order in which they are read."""
        single = (
            "fixed", "moving", "fixed_mask", "moving_mask", "fixed_labels", "init",
            "fixed_landmarks", "moving_landmarks",
        )  # fmt: skip
        roles = [(role, getattr(self, role)) for role in single]
        many = [(role, path) for role in MANY for path in getattr(self, role)]
        return [(role, path) for role, path in roles if path is not None] + many


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


def make_register_job(
    paths: Paths,
    folder: Path | None,
    *,
    preset: Preset,
    file: Path | None,
    options: Mapping[str, Any],
    overwrite: bool,
    reading: ReadOptions,
    full_paths: bool = False,
    init_program: str | None = None,
) -> RegisterJob:
    """Settle the settings and the folder of a registration, reading no image.

    Parameters
    ----------
    paths
        The files that it reads.
    folder
        Where the outputs go; one named after both images in the current folder if None.
    preset
        The settings to begin with.
    file
        A YAML file of settings that changes them, or None.
    options
        Single settings by name, which come last; those that are None are not set.
    overwrite
        Replace files that are there.
    reading
        How images are read.
    full_paths
        Show the folders of the inputs wherever their names are shown.
    init_program
        Whose the initial transform is, as of :func:`regkit.io.transforms.read_transform`.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    if init_program and paths.init is None:
        raise InputError(f"--init-from {init_program} is of a transform file; give it with --init")
    given = {name: value for name, value in options.items() if value is not None}
    settings = read_settings(file) if file else {}
    _check_settings(preset, file, settings)
    config = make_config(preset, file=settings, **given)
    config = weighing_landmarks(config, paths, {*given, *settings})
    place = folder or _default_folder(paths)
    return RegisterJob(paths, place, preset, config, overwrite, reading, full_paths, init_program)


def weighing_landmarks(
    config: RegisterConfig, paths: Paths, given: Collection[str]
) -> RegisterConfig:
    """Let landmarks guide where there are some and an engine can follow them.

    Parameters
    ----------
    config
        Which engines run.
    paths
        Whether there are landmarks.
    given
        Names of the settings that a user gave; a weight among them stays.
    """
    if not config.refines_field or paths.fixed_landmarks is None or "landmark_weight" in given:
        return config
    return config.model_copy(update={"landmark_weight": 1.0})


def split_init(init: str | None) -> tuple[str | None, Path | None]:
    """Tell a rule from the path of a transform file.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> split_init("moments")
    ('moments', None)
    """
    if init is None or init in RULES:
        return init, None
    if not Path(init).is_file():
        raise InputError(f"--init {init}: neither one of {', '.join(RULES)} nor a file that exists")
    return None, Path(init)


def as_weights(word: str | None) -> tuple[float, ...] | None:
    """Read the numbers of ``--channel-weights``.

    Raises
    ------
    InputError
        If they are none.

    Examples
    --------
    >>> as_weights("2,0.5")
    (2.0, 0.5)
    """
    try:
        return None if word is None else tuple(float(part) for part in word.split(","))
    except ValueError as error:
        raise InputError(f"--channel-weights {word!r:.40} is not like 2,1") from error


def _default_folder(paths: Paths) -> Path:
    return Path(f"{stem(paths.moving)}_to_{stem(paths.fixed)}")


def _check_settings(preset: Preset, file: Path | None, settings: Mapping[str, Any]) -> None:
    """Have what is wrong with a file name the file."""
    try:
        make_config(preset, file=settings)
    except InputError as error:
        raise InputError(f"{display_name(file)}: {error}" if file else str(error)) from error


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
