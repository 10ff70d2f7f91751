"""Rows that a study goes on from: those of the same settings, by models with the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from foundation.segmenters.registry import open_segmenter
from foundation.studies.job import CellsJob
from regkit.cohort import Plan
from regkit.errors import InputError
from regkit.runs import Job
from regkit.runs.record import as_json, read_record


def check_kept_rows(plan: Plan) -> None:
    """Look at the finished rows of a study before it is resumed and its table written anew.

    A row whose model had no weights, and has them now, is done again: its record is removed.

    Parameters
    ----------
    plan
        Rows of a study, or registrations of its atlas.

    Raises
    ------
    InputError
        If a row was asked something else, or its model has other weights now, so that the table
        would be of two studies.
    """
    for each in plan.pairs:
        path = each.job.outputs.record
        if path is not None and path.is_file():
            _check(each.job, read_record(path), path, plan.table.name)


def _check(job: Job, record: Mapping[str, Any], path: Path, name: str) -> None:
    row = path.parent.name
    if any(record.get(key) != value for key, value in as_json(job.settings()).items()):
        raise InputError(
            f"{name}: {row} has results of other settings; choose another folder, or pass "
            "--overwrite"
        )
    known = record.get("weights")
    if not isinstance(job, CellsJob) or not isinstance(known, str):
        return  # no model, or a record of an earlier version
    now = _weights(job.model)
    if now and not known:
        path.unlink()
    elif now and now != known:
        raise InputError(
            f"{name}: {job.model} has other weights than in {row}; choose another folder, or pass "
            "--overwrite"
        )


@cache
def _weights(model: str) -> str:
    """The SHA-256 of the weights of a model, "" where it has none, or cannot be opened now."""
    try:
        return open_segmenter(model).capabilities.weights
    except Exception:  # as in a row, where it would be told
        return ""
