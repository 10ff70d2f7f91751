"""Places: where data sets and models are, with their folders and, in records, without them.

Settings hold data sets as ``data`` and models as ``models`` or ``encoders``, one or a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from probes.images.model_settings import ModelSettings, is_without_file, weights_of
from probes.images.settings import DataSettings
from regkit.errors import InputError
from regkit.io.settings import read_settings
from regkit.runs import InputFile
from regkit.settings import AnySettings, Settings, validate

_DATA, _MODELS = ("data",), ("models", "encoders")


def read_image_settings(kind: type[AnySettings], path: Path) -> AnySettings:
    """Read a configuration; its paths count from its own folder.

    Parameters
    ----------
    kind
        Of the settings.
    path
        A YAML file.

    Raises
    ------
    InputError
        If a setting or a name is unknown, with the names that are near, or a value is not allowed.
    """
    folder = path.absolute().parent
    given = _with_places(
        read_settings(path),
        lambda data: _located_data(data, folder),
        lambda model: _located_source(model, folder),
    )
    return validate(kind, given, path.name)


def record_settings(config: Settings) -> dict[str, Any]:
    """Return settings as JSON, with the names of files but not their folders."""
    return _with_places(config.model_dump(mode="json"), _named_data, _named_model)


def recorded_settings(
    kind: type[AnySettings], asked: Mapping[str, Any], files: Sequence[Path]
) -> AnySettings:
    """Return settings that :func:`record_settings` made, with their files where they are now.

    Parameters
    ----------
    kind
        Of the settings.
    asked
        From a record.
    files
        All that the record names.

    Raises
    ------
    InputError
        If a file is not among them, or the settings are of another kind.
    """
    given = _with_places(
        asked,
        lambda data: {**data, "path": str(_place(data["path"], files))} if "path" in data else data,
        lambda model: _recorded_model(model, files),
    )
    return validate(kind, given, "the record")


def data_of(config: Settings) -> list[DataSettings]:
    """List the data sets of settings."""
    return _listed(config, _DATA)


def models_of(config: Settings) -> list[ModelSettings]:
    """List the models of settings."""
    return _listed(config, _MODELS)


def image_inputs(config: Settings, full_paths: bool) -> list[InputFile]:
    """List every file of data sets, and the weights of models.

    Parameters
    ----------
    config
        Of a job.
    full_paths
        Whether its record names their folders.
    """
    found = [("data", path) for each in data_of(config) for path in data_files(each)]
    weights = (weights_of(model) for model in models_of(config))
    found += [("weights", path) for path in weights if path is not None]
    return [InputFile(role, path, full_paths) for role, path in found]


def check_places(data: Sequence[DataSettings], models: Sequence[ModelSettings]) -> None:
    """Refuse files that are not there.

    Parameters
    ----------
    data, models
        Of a job.

    Raises
    ------
    InputError
        If a data set or the weights of a model are missing, by name.
    """
    for each in data:
        if each.kind != "python" and not each.path.exists():
            raise InputError(f"{each.name}: there is no {each.path}; check the path")
    for model in models:
        path = weights_of(model)
        if path is not None and not path.is_file():
            raise InputError(f"model {model.name}: there is no file {path}; put its weights there")


def data_files(data: DataSettings) -> list[Path]:
    """List the files of a data set: its own, or all that lie in its folder; objects have none."""
    path = data.path
    if data.kind == "python":
        return []
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def data_size(data: Sequence[DataSettings]) -> int:
    """Return how many bytes the files of data sets have."""
    return sum(path.stat().st_size for each in data for path in data_files(each))


def _with_places(
    given: Mapping[str, Any], on_data: Callable[[Any], Any], on_model: Callable[[Any], Any]
) -> dict[str, Any]:
    """Settings whose data sets and models are others; what is neither stays, to be refused."""
    changes = {**dict.fromkeys(_DATA, on_data), **dict.fromkeys(_MODELS, on_model)}
    return {
        key: _each(value, changes[key]) if key in changes else value for key, value in given.items()
    }


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_each(one, change) for one in value]
    return change(value) if isinstance(value, Mapping) else value


def _listed(config: Settings, keys: Sequence[str]) -> list[Any]:
    held = [getattr(config, key) for key in keys if hasattr(config, key)]
    return [one for value in held for one in (value if isinstance(value, tuple) else [value])]


def _located_data(data: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    if not isinstance(data.get("path"), str):
        return data
    return {**data, "path": str(folder / data["path"])}


def _located_source(model: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    source = model.get("source")
    if not isinstance(source, str) or "=" not in source or is_without_file(source):
        return model
    head, _, tail = source.partition("=")
    return {**model, "source": f"{head}={folder / tail}"}


def _named_data(data: Mapping[str, Any]) -> dict[str, Any]:
    if data["kind"] == "python":
        return {key: value for key, value in data.items() if key != "path"}
    return {**data, "path": Path(data["path"]).name}


def _named_model(model: Mapping[str, Any]) -> dict[str, Any]:
    if is_without_file(model["source"]):
        return dict(model)
    head, _, tail = model["source"].partition("=")
    return {**model, "source": f"{head}={Path(tail).name}"}


def _recorded_model(model: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    if is_without_file(model["source"]):
        return dict(model)
    head, _, tail = model["source"].partition("=")
    return {**model, "source": f"{head}={_place(tail, files)}"}


def _place(name: str, files: Sequence[Path]) -> Path:
    """The file of a name, or the folder of a name, among files and the folders they lie in."""
    for path in files:
        for place in (path, *path.parents):
            if place.name == name:
                return place
    raise InputError(f"the record names {name}, which is not among the files that are here")
