"""From the record of a comparison back to its job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.runs.evaluate.job import EvaluateJob, EvaluatePaths
from regkit.runs.inputs import InputFile
from regkit.runs.record import reading_of

_ROLES = {each.name for each in fields(EvaluatePaths)} - {"transforms"}


def evaluate_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> EvaluateJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its inputs or settings are not those of such a job.
    """
    found = {each.role: each.path for each in inputs if each.role != "transform"}
    asked = record["asked"]
    tolerance, program = asked.get("tolerance"), asked.get("from")
    if not found or not set(found) <= _ROLES or not isinstance(tolerance, float | int | None):
        raise InputError("the record must name labels or landmarks of a pair; it is damaged")
    transforms = tuple(each.path for each in inputs if each.role == "transform")
    return EvaluateJob(
        EvaluatePaths(**found, transforms=transforms),
        folder,
        tolerance,
        reading_of(record),
        program,
        full_paths=any(each.full_path for each in inputs),
    )
