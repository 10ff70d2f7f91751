"""The plan of a cohort: every row judged by headers, before the first one starts."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.cohort.kind import RowKind
from regkit.cohort.parsing import check_columns, parse
from regkit.cohort.problems import Problems
from regkit.cohort.row import PairRow
from regkit.cohort.spaces import check_spaces
from regkit.cohort.table import PairTable
from regkit.io.atomic import check_free
from regkit.runs import Job
from regkit.runs.outputs import check_folder

RESULTS = (
    "table.csv", "table.parquet", "overview.html", "cohort.json", "rows.jsonl", "thumbnails",
    "bids",
)  # fmt: skip


@dataclass(frozen=True)
class PlannedPair:
    """One row and its job."""

    row: PairRow
    job: Job


@dataclass(frozen=True)
class Plan:
    """A cohort that may start.

    Parameters
    ----------
    table
        Where the rows came from.
    kind
        What they are.
    folder
        Where everything goes, each row in a folder of its own.
    pairs
        What is to be done.
    memory
        Bytes that the largest of them takes beyond the program.
    """

    table: PairTable
    kind: RowKind
    folder: Path
    pairs: Sequence[PlannedPair]
    memory: int = 0


def plan_cohort(
    table: PairTable,
    kind: RowKind,
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> Plan:
    """Judge every row of a table, writing nothing and reading no voxel.

    Parameters
    ----------
    table
        Rows.
    kind
        What is made of them.
    folder
        Where results go.
    options
        Of every row, unless it has its own.
    overwrite, resume
        Whether results may be there already.

    Raises
    ------
    TableError
        With everything that is wrong, each with its line.
    """
    problems, folder = Problems(), folder.absolute()  # workers may be elsewhere
    with problems.at(table.name):
        check_folder(folder)
    check_columns(table, kind, problems)
    rows = parse(table, kind, options or {}, problems)
    _refuse_twice(table, rows, problems)
    check_spaces(table, kind, rows, problems)
    pairs, memory = _judged(table, kind, folder, rows, problems)
    if not (overwrite or resume):
        _refuse_results(folder, pairs, problems)
    problems.refuse(table.name)
    return Plan(table, kind, folder, pairs, memory)


def _judged(
    table: PairTable, kind: RowKind, folder: Path, rows: Iterable[PairRow], problems: Problems
) -> tuple[list[PlannedPair], int]:
    """Jobs whose headers can be trusted, and the memory of the largest."""
    pairs, memory = [], 0
    # Some jobs want the folder of their results to be there, and nothing is made there yet.
    with tempfile.TemporaryDirectory(prefix="regkit-cohort-") as elsewhere:
        for row in filter(lambda each: _is_whole(kind, each), rows):
            with problems.at(table.at(row.line)):
                trial = kind.make(row, Path(elsewhere))
                trial.check()
                memory = max(memory, trial.look().needs().memory)
                pairs.append(PlannedPair(row, kind.make(row, folder / row.name)))
    return pairs, memory


def _is_whole(kind: RowKind, row: PairRow) -> bool:
    """Whether all files of a row are there; those that are not have been noted."""
    given = [path for paths in row.files.values() for path in paths]
    return set(kind.required) <= set(row.files) and all(path.exists() for path in given)


def _refuse_twice(table: PairTable, rows: Iterable[PairRow], problems: Problems) -> None:
    lines = defaultdict(list)
    for row in rows:
        lines[row.name.casefold()].append(row)  # as some file systems see names
    for same in lines.values():
        if len(same) > 1:
            where = " and ".join(str(row.line) for row in same)
            problems.add(
                f"{table.name}: {table.where}s {where} would all write {same[0].name!r}; give each "
                "its own name in the column 'output'"
            )
        if same[0].name.casefold() in RESULTS:
            problems.add(
                f"{table.at(same[0].line)}: output {same[0].name!r} is the name of a result of the "
                "whole cohort; give another one"
            )


def _refuse_results(folder: Path, pairs: Iterable[PlannedPair], problems: Problems) -> None:
    """Results that are there and that nobody has said may be replaced."""
    if not folder.exists():
        return
    there = [folder / name for name in RESULTS]
    there += [place for each in pairs for place in each.job.outputs.places().values()]
    for place in there:
        with problems.at(str(place.parent.name)):
            check_free(place, overwrite=False)
