"""A registration from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.registration.config import make_config
from regkit.runs.inputs import InputFile
from regkit.runs.record import reading_of
from regkit.runs.register.job import RegisterJob
from regkit.runs.register.paths import MANY, Paths


def register_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> RegisterJob:
    """Make the registration that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its settings are not settings, or its inputs not those of one registration.
    """
    reading = reading_of(record)
    config = make_config(file=record["asked"])
    shown = any(each.full_path for each in inputs)
    return RegisterJob(
        paths_of(inputs), folder, str(record.get("preset")), config, False, reading, shown,
        record.get("init_from"),
    )  # fmt: skip


def paths_of(inputs: Sequence[InputFile]) -> Paths:
    """Sort the files of a registration by their roles.

    Raises
    ------
    InputError
        If one is missing, or there is one too many.
    """
    if not inputs:
        raise InputError(
            "the record names no images: its result was saved from Python; register there again"
        )
    further: dict[str, Any] = {
        role: tuple(each.path for each in inputs if each.role == role) for role in MANY
    }
    single = [each for each in inputs if each.role not in MANY]
    found: dict[str, Any] = {each.role: each.path for each in single}
    allowed = {each.name for each in fields(Paths)}
    if not {"fixed", "moving"} <= set(found) <= allowed or len(found) < len(single):
        raise InputError("the record must name one fixed and one moving image; it is damaged")
    return Paths(**found, **further)
