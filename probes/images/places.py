"""Places: where data sets and models are, with their folders and, in records, without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probes.images.models import ModelSettings, is_without_file, weights_of
from probes.images.settings import DataSettings
from regkit.errors import InputError
from regkit.runs import InputFile


def locate_data(data: Any, folder: Path) -> Any:
    """Return settings of a data set whose path counts from ``folder``."""
    if isinstance(data, Mapping) and isinstance(data.get("path"), str):
        return {**data, "path": str(folder / data["path"])}
    return data


def locate_source(model: Any, folder: Path) -> Any:
    """Return settings of a model whose file counts from ``folder``; a function is no file."""
    if not isinstance(model, Mapping) or not isinstance(model.get("source"), str):
        return model
    head, equals, tail = model["source"].partition("=")
    if not tail or is_without_file(model["source"]):
        return model
    return {**model, "source": f"{head}{equals}{folder / tail}"}


def image_inputs(
    data: Sequence[DataSettings], models: Sequence[ModelSettings], full_paths: bool
) -> list[InputFile]:
    """List every file of data sets, and the weights of models.

    Parameters
    ----------
    data, models
        Of a job.
    full_paths
        Whether its record names their folders.
    """
    found = [("data", path) for each in data for path in data_files(each)]
    weights = (weights_of(model) for model in models)
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


def dumped_data(data: DataSettings) -> dict[str, Any]:
    """Return settings of a data set as JSON, without its folder."""
    given = data.model_dump(mode="json", exclude={"path"})
    return given if data.kind == "python" else {**given, "path": data.path.name}


def dumped_model(model: ModelSettings) -> dict[str, Any]:
    """Return settings of a model as JSON, without the folder of its file."""
    head, _, tail = model.source.partition("=")
    name = tail if is_without_file(model.source) else Path(tail).name
    return {**model.model_dump(mode="json"), "source": f"{head}={name}"}


def recorded_data(given: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """Return settings that :func:`dumped_data` made, with the folder that holds its files now.

    What a function makes has none.

    Raises
    ------
    InputError
        If none of the files is of it.
    """
    if "path" not in given:
        return dict(given)
    return {**given, "path": str(_place(given["path"], files))}


def recorded_model(given: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """Return settings that :func:`dumped_model` made, with its file where it is now.

    Raises
    ------
    InputError
        If it is not among the files.
    """
    head, _, tail = given["source"].partition("=")
    if is_without_file(given["source"]):
        return dict(given)
    return {**given, "source": f"{head}={_place(tail, files)}"}


def _place(name: str, files: Sequence[Path]) -> Path:
    """The file of a name, or the folder of a name, among files and the folders they lie in."""
    for path in files:
        for place in (path, *path.parents):
            if place.name == name:
                return place
    raise InputError(f"the record names {name}, which is not among the files that are here")
