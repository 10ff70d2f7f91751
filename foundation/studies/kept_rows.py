"""Rows that a study goes on from: those whose models have the weights that they had."""

from __future__ import annotations

from functools import cache

from foundation.segmenters.registry import open_segmenter
from foundation.studies.job import CellsJob
from regkit.cohort import Plan
from regkit.errors import InputError
from regkit.runs.record import read_record


def check_kept_rows(plan: Plan) -> None:
    """Look at the finished rows of a study before it is resumed.

    A row whose model had no weights, and has them now, is done again: its record is removed.

    Parameters
    ----------
    plan
        Rows of a study.

    Raises
    ------
    InputError
        If a model has other weights now, so that its rows would be of two models.
    """
    for each in plan.pairs:
        if isinstance(each.job, CellsJob) and each.job.outputs.record.is_file():
            _check(each.job, plan.table.name)


def _check(job: CellsJob, name: str) -> None:
    path = job.outputs.record
    known = read_record(path).get("weights")
    if not isinstance(known, str):
        return  # of an earlier version
    now = _weights(job.model)
    if now and not known:
        path.unlink()
    elif now and now != known:
        raise InputError(
            f"{name}: {job.model} has other weights than in {path.parent.name}; choose another "
            "folder, or pass --overwrite"
        )


@cache
def _weights(model: str) -> str:
    """The SHA-256 of the weights of a model, "" where it has none, or cannot be opened now."""
    try:
        return open_segmenter(model).capabilities.weights
    except Exception:  # as in a row, where it would be told
        return ""
