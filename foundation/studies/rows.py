"""Run the jobs of a study as rows of a cohort, and bring their cells together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foundation.studies.cells import StudyCell, read_cells, write_cells
from regkit.cohort import PairTable, Plan, RowKind, plan_cohort
from regkit.cohort.table import TableRecord
from regkit.errors import InputError
from regkit.io import write_atomically
from regkit.runs import Job, is_finished

CELLS, STUDY_REPORT = "cells.parquet", "study.html"
_NO_NAME = re.compile(r"[^\w.+-]+")


def plan_rows(
    file: Path,
    kind: RowKind,
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    folder: Path,
    *,
    overwrite: bool,
    resume: bool,
    options: Mapping[str, Any] | None = None,
) -> Plan:
    """Judge the rows of a study by their headers, writing nothing.

    Parameters
    ----------
    file
        The configuration, which messages name.
    kind
        How a row becomes a job.
    rows
        The number of a case, from 1, and what :class:`regkit.cohort.PairRow` is made of. Names
        stand in its ``options``: a column of its own would take the case 0006 for a number.
    folder
        Where results go.
    overwrite, resume
        Whether results may be there already.
    options
        Of every row, as in a table of `regkit cohort`.

    Raises
    ------
    TableError
        With everything that is wrong, each with the number of its case.
    """
    records = tuple(TableRecord(number, dict(values)) for number, values in rows)
    columns = tuple(dict.fromkeys(name for record in records for name in record.values))
    table = PairTable(file, columns, records, where="case")
    return plan_cohort(table, kind, folder, options=options, overwrite=overwrite, resume=resume)


def row_name(*words: str) -> str:
    """Make the name of a row's folder from words that may hold anything.

    Examples
    --------
    >>> row_name("sam=a/b.pth", "case 1")
    'sam-a-b.pth_case-1'
    """
    return "_".join(_NO_NAME.sub("-", word).strip("-.") for word in words)


def is_whole(job: Job) -> bool:
    """Whether the results of a job are there and its own, not those of another run.

    Parameters
    ----------
    job
        Of a row.
    """
    try:
        return is_finished(job)
    except InputError:  # a record of other settings or inputs
        return False


def gather_cells(plan: Plan) -> tuple[list[StudyCell], int]:
    """Return the cells of the rows that are finished, in order, and how many rows are not.

    What an earlier run with other settings left in the place of a row that failed is not read.
    """
    whole = [each.job for each in plan.pairs if is_whole(each.job)]
    cells = [cell for job in whole for cell in read_cells(job.outputs.folder / CELLS)]
    return cells, len(plan.pairs) - len(whole)


def write_study_cells(cells: Sequence[StudyCell], folder: Path) -> Path:
    """Write the table of a whole study and return its path."""
    path = folder / CELLS
    write_atomically(path, lambda part: write_cells(cells, part), overwrite=True)
    return path
