"""A registration of scenes from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.registration.scenes import SceneConfig
from regkit.runs.inputs import InputFile
from regkit.runs.output_file import paths_in_role
from regkit.runs.record import reading_of
from regkit.runs.scenes.job import SceneJob
from regkit.settings import validate

_ASKED = {"config", "masks", "keep_resolution", "shift_only"}
_MORE = {"stac"}


def scene_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> SceneJob:
    """Make the registration of scenes that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record
        The ``run.json`` of a registration of scenes, as it was read.
    inputs
        The files that it names, where they are now.
    folder
        Where the outputs go.

    Raises
    ------
    InputError
        If its settings are not settings, or its inputs not those of one registration.
    """
    found, asked = {each.role: each.path for each in inputs}, record.get("asked")
    if not isinstance(asked, dict) or not _ASKED <= set(asked) <= _ASKED | _MORE:
        raise InputError("the record must say what was asked of a registration of scenes")
    if not {"fixed", "moving"} <= set(found) <= {"fixed", "moving", "mask"}:
        raise InputError("the record must name one fixed and one moving scene; it is damaged")
    files = [str(path) for path in paths_in_role(inputs, "mask")]
    return SceneJob(
        found["fixed"],
        found["moving"],
        folder,
        validate(SceneConfig, asked["config"], "the record: asked.config"),
        (*asked["masks"], *files),
        bool(asked["keep_resolution"]),
        bool(asked["shift_only"]),
        asked.get("stac"),
        reading=reading_of(record),
        full_paths=any(each.full_path for each in inputs),
    )
