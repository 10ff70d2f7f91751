"""The results of a cohort: one table as CSV and Parquet, written from its journal."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from regkit.cohort.journal import Journal
from regkit.cohort.outliers import CohortNumbers, CohortOutliers, Outliers, distances, find_outliers
from regkit.errors import require
from regkit.io.atomic import write_atomically

DISTANCE = "affine_distance"
_BATCH = 1000


@dataclass(frozen=True)
class Results:
    """What became of a cohort, entry by entry, from its journal.

    Parameters
    ----------
    journal
        Where entries are.
    columns
        Their names, in order.
    outliers
        How odd each pair is.
    distance
        That of the affine of each pair from those of its cohort.
    """

    journal: Journal
    columns: tuple[str, ...]
    outliers: Outliers
    distance: CohortNumbers

    def __len__(self) -> int:
        return len(self.journal)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every entry with all columns, in the order of the table that was given."""
        for place, (_, line) in enumerate(self.journal):
            entry = {**line.entry, **self._odd(place)}
            yield {column: entry.get(column) for column in self.columns}

    def _odd(self, place: int) -> dict[str, Any]:
        z = {f"z_{name}": _known(each[place]) for name, each in self.outliers.z.items()}
        return {
            DISTANCE: _known(self.distance[place]),
            "outlier": _known(self.outliers.score[place]),
            "outlier_by": self.outliers.by[place],
            **z,
        }


def gather_results(journal: Journal, compared: Mapping[str, CohortOutliers]) -> Results:
    """Compare the pairs of a journal with each other.

    Parameters
    ----------
    compared
        See :func:`regkit.cohort.outliers.find_outliers`.
    """
    columns: dict[str, None] = {}
    values: dict[str, list[float]] = {name: [] for name in compared}
    groups, shapes = [], []
    for _, line in journal:
        columns |= dict.fromkeys(line.entry)
        groups.append(line.group)
        shapes.append(line.shape)
        for name, found in values.items():
            found.append(_number(line.entry.get(name)))
    away = distances(shapes, groups)
    known = {name: np.array(found) for name, found in values.items()} | {DISTANCE: away}
    measured = {name: each for name, each in known.items() if np.isfinite(each).any()}
    outliers = find_outliers(measured, compared, groups)
    last = [DISTANCE] if DISTANCE in measured else []
    last += ["outlier", "outlier_by", *(f"z_{name}" for name in outliers.z)]
    return Results(journal, (*columns, *last), outliers, away)


def write_tables(results: Results, folder: Path) -> list[Path]:
    """Write ``table.csv`` and ``table.parquet``, each whole or not at all.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    comma, parquet = folder / "table.csv", folder / "table.parquet"
    write_atomically(comma, lambda part: _write_csv(results, part), overwrite=True)
    write_atomically(parquet, lambda part: _write_parquet(results, part), overwrite=True)
    return [comma, parquet]


def _write_csv(results: Results, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, results.columns)
        writer.writeheader()
        writer.writerows(results)


def _write_parquet(results: Results, path: Path) -> None:
    arrow = require("pyarrow", extra="cohort")
    parquet = require("pyarrow.parquet", extra="cohort")
    types = _types(results)
    schema = arrow.schema([(name, getattr(arrow, kind)()) for name, kind in types.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in _batches(results):
            rows = [{name: _cast(row[name], kind) for name, kind in types.items()} for row in batch]
            writer.write_table(arrow.Table.from_pylist(rows, schema))


def _types(results: Results) -> dict[str, str]:
    """The type of every column, of all its entries."""
    found: dict[str, set[type]] = {column: set() for column in results.columns}
    for entry in results:
        for name, value in entry.items():
            if value is not None:
                found[name].add(type(value))
    return {name: _type(kinds) for name, kinds in found.items()}


def _type(kinds: set[type]) -> str:
    for among, kind in (({bool}, "bool_"), ({int}, "int64"), ({int, float}, "float64")):
        if kinds and kinds <= among:
            return kind
    return "string"


def _cast(value: Any, kind: str) -> Any:
    return str(value) if kind == "string" and value is not None else value


def _batches(entries: Iterable[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    waiting = iter(entries)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else np.nan


def _known(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
