"""A registration from its options: settings and folder are settled, no image is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regkit.errors import InputError
from regkit.io import ReadOptions
from regkit.io.names import display_name
from regkit.io.settings import read_settings
from regkit.registration.config import RegisterConfig, make_config
from regkit.runs.register.job import RegisterJob
from regkit.runs.register.names import stem
from regkit.runs.register.paths import Paths

if TYPE_CHECKING:
    from regkit.registration.config import Preset

RULES = ("auto", "header", "centers", "moments")


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
