"""What one run is going to do, checked before anything is read."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regkit.errors import InputError
from regkit.io import ReadOptions, refuse_overwriting_inputs
from regkit.io.atomic import check_free, check_permission
from regkit.io.names import display_name, display_path
from regkit.io.settings import read_settings
from regkit.registration.config import RegisterConfig, make_config
from regkit.registration.devices import resolve_device

if TYPE_CHECKING:
    from regkit.registration.config import Preset

RULES = ("auto", "header", "centers", "moments")
FILES = ("warped.nii.gz", "transform.h5", "inverse.h5", "jacobian.nii.gz", "report.html")
RECORD = "run.json"
_LONGEST_NAME = 255  # of every common file system


@dataclass(frozen=True)
class Paths:
    """The files that one registration reads."""

    fixed: Path
    moving: Path
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    fixed_labels: Path | None = None
    moving_labels: tuple[Path, ...] = ()
    init: Path | None = None

    def given_labels(self) -> tuple[Path, ...]:
        """Those of moving, then that of fixed if there is one."""
        return (*self.moving_labels, *filter(None, [self.fixed_labels]))

    def given(self) -> list[tuple[str, Path]]:
        """Role and path of every file, in the order in which they are read."""
        single = ("fixed", "moving", "fixed_mask", "moving_mask", "fixed_labels", "init")
        roles = [(role, getattr(self, role)) for role in single]
        return [(role, path) for role, path in roles if path is not None] + [
            ("moving_labels", path) for path in self.moving_labels
        ]


@dataclass(frozen=True)
class Plan:
    """Inputs, settings and outputs of one registration.

    ``full_paths`` shows the folders of the inputs wherever their names are shown.
    """

    paths: Paths
    folder: Path
    preset: str
    config: RegisterConfig
    overwrite: bool
    reading: ReadOptions
    full_paths: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the files that will be written, the record last."""
        return (*FILES, *map(warped_name, self.paths.moving_labels), RECORD)

    def shown(self, path: Path) -> str:
        """What an input is called where people look: its base name, if not asked for more."""
        return display_path(path.absolute()) if self.full_paths else display_name(path)

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        inputs = [{"role": role, "file": self.shown(path)} for role, path in self.paths.given()]
        config = self.config.model_dump(mode="json")
        return {
            "inputs": inputs,
            "preset": self.preset,
            "config": config,
            "folder": str(self.folder),
            "outputs": list(self.outputs),
        }

    def as_json(self) -> str:
        """The plan for another program."""
        return json.dumps(self.as_dict(), indent=2)

    def as_text(self) -> str:
        """The plan for a person."""
        plan = self.as_dict()
        rows = [f"{entry['role']:<14}{entry['file']}" for entry in plan["inputs"]]
        rows += [f"{name:<14}{value}" for name, value in plan["config"].items()]
        rows += [f"{'would write':<14}{self.folder / name}" for name in self.outputs]
        return "\n".join(rows)


def make_plan(
    paths: Paths,
    folder: Path | None,
    *,
    preset: Preset,
    file: Path | None,
    options: Mapping[str, Any],
    overwrite: bool,
    reading: ReadOptions,
    full_paths: bool = False,
) -> Plan:
    """Settle the settings and the folder, reading no image.

    Raises
    ------
    InputError
        If an option is not allowed, two outputs would share a name, or one is taken.
    """
    given = {name: value for name, value in options.items() if value is not None}
    settings = read_settings(file) if file else {}
    _check_settings(preset, file, settings)
    config = make_config(preset, file=settings, **given)
    place = folder or _default_folder(paths)
    plan = Plan(paths, place, preset, config, overwrite, reading, full_paths)
    check_plan(plan)
    return plan


def check_plan(plan: Plan) -> None:
    """Refuse what could not be carried out, reading no image.

    Raises
    ------
    InputError
        If the device is not there, labels that are to guide are missing, two outputs would share a
        name, or one is taken.
    """
    resolve_device(plan.config.device)
    if plan.config.dice and not (plan.paths.fixed_labels and plan.paths.moving_labels):
        raise InputError(
            f"--dice {plan.config.dice:g} needs labels of both images; give --fixed-labels and "
            "--moving-labels"
        )
    _check_names(plan)
    _check_files(plan)


def split_init(init: str | None) -> tuple[str | None, Path | None]:
    """A rule, or the path of a transform file.

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
    """The numbers of ``--channel-weights``.

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


def stem(path: Path) -> str:
    """The file name without its image extension.

    Examples
    --------
    >>> stem(Path("a/head.nii.gz")), stem(Path("scan.2.mha"))
    ('head', 'scan.2')
    """
    name = path.name.removesuffix(".gz")
    return Path(name).stem


def warped_name(labels: Path) -> str:
    """Where warped labels go.

    Examples
    --------
    >>> warped_name(Path("a/lobes.nrrd"))
    'warped_lobes.nii.gz'
    """
    return f"warped_{stem(labels)}.nii.gz"


def _default_folder(paths: Paths) -> Path:
    return Path(f"{stem(paths.moving)}_to_{stem(paths.fixed)}")


def _check_settings(preset: Preset, file: Path | None, settings: Mapping[str, Any]) -> None:
    """Have what is wrong with a file name the file."""
    try:
        make_config(preset, file=settings)
    except InputError as error:
        raise InputError(f"{display_name(file)}: {error}" if file else str(error)) from error


def _check_names(plan: Plan) -> None:
    for name in plan.outputs:
        if len(os.fsencode(name)) > _LONGEST_NAME:
            raise InputError(
                f"{name[:40]}...: the output would have a name of {len(os.fsencode(name))} bytes; "
                f"at most {_LONGEST_NAME} are allowed. Rename the --moving-labels"
            )
    twice = [name for name, count in Counter(plan.outputs).items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]} would be written twice; rename one of the --moving-labels")
    if plan.paths.fixed_labels and not plan.paths.moving_labels:
        raise InputError("--fixed-labels needs --moving-labels to be compared with; give both")


def _check_folder(folder: Path) -> None:
    """Refuse a folder that could be neither made nor written."""
    found = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in folder.parts):
        raise InputError(f"{folder.name[:40]}...: the name of the output folder is too long")
    if not found.is_dir():
        raise InputError(f"{found.name}: is a file, not a folder; give another --output")
    check_permission(found)


def _check_files(plan: Plan) -> None:
    _check_folder(plan.folder)
    outputs = [plan.folder / name for name in plan.outputs]
    refuse_overwriting_inputs(outputs, [path for _, path in plan.paths.given()])
    for path in outputs:
        check_free(path, plan.overwrite)
