"""Rows that a study goes on from: those of the same settings, by models with the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foundation.segmenters.registry import model_weights
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
    settings = as_json(job.settings())
    # Records of earlier versions lack what is empty in most runs.
    if any(record.get(key, type(value)()) != value for key, value in settings.items()):
        raise InputError(
            f"{name}: {row} has results of other settings; choose another folder, or pass "
            "--overwrite"
        )
    known = record.get("weights")
    for model, before in known.items() if isinstance(known, dict) else ():
        now = model_weights(model)
        if now and not before:
            path.unlink(missing_ok=True)
        elif now and now != before:
            raise InputError(
                f"{name}: {model} has other weights than in {row}; choose another folder, or pass "
                "--overwrite"
            )
