"""What one run is going to do, checked before anything is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from regkit.errors import InputError
from regkit.io import refuse_overwriting_inputs
from regkit.io.atomic import check_free
from regkit.registration.config import RegisterConfig, make_config

if TYPE_CHECKING:
    from regkit.registration.config import Preset

RULES = ("auto", "header", "centers", "moments")
FILES = ("warped.nii.gz", "transform.h5", "inverse.h5", "jacobian.nii.gz", "report.html")
RECORD = "run.json"


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

    def given(self) -> list[tuple[str, Path]]:
        """Role and path of every file, in the order in which they are read."""
        single = ("fixed", "moving", "fixed_mask", "moving_mask", "fixed_labels", "init")
        roles = [(role, getattr(self, role)) for role in single]
        return [(role, path) for role, path in roles if path is not None] + [
            ("moving_labels", path) for path in self.moving_labels
        ]


@dataclass(frozen=True)
class Plan:
    """Inputs, settings and outputs of one registration."""

    paths: Paths
    folder: Path
    preset: str
    config: RegisterConfig
    overwrite: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the files that will be written, the record last."""
        return (*FILES, *map(warped_name, self.paths.moving_labels), RECORD)

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        inputs = [{"role": role, "file": path.name} for role, path in self.paths.given()]
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
) -> Plan:
    """Settle the settings and the folder, reading no image.

    Raises
    ------
    InputError
        If an option is not allowed, two outputs would share a name, or one is taken.
    """
    given = {name: value for name, value in options.items() if value is not None}
    config = make_config(preset, file=read_settings(file) if file else None, **given)
    plan = Plan(paths, folder or _default_folder(paths), preset, config, overwrite)
    _check_names(plan)
    _check_files(plan)
    return plan


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


def read_settings(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises
    ------
    InputError
        If the file cannot be read, is no YAML, or holds no mapping.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path.name}: cannot be read as settings: {reason}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path.name}: not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise InputError(f"{path.name}: settings must be 'name: value' lines, not {loaded!r:.40}")
    return loaded


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


def _check_names(plan: Plan) -> None:
    twice = [name for name, count in Counter(plan.outputs).items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]} would be written twice; rename one of the --moving-labels")
    if plan.paths.fixed_labels and not plan.paths.moving_labels:
        raise InputError("--fixed-labels needs --moving-labels to be compared with; give both")


def _check_files(plan: Plan) -> None:
    if plan.folder.exists() and not plan.folder.is_dir():
        raise InputError(f"{plan.folder.name}: is a file, not a folder; give another --output")
    outputs = [plan.folder / name for name in plan.outputs]
    refuse_overwriting_inputs(outputs, [path for _, path in plan.paths.given()])
    for path in outputs:
        check_free(path, plan.overwrite)
