"""Judge the label maps of a study by its tables, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.studies.config import StudyConfig
from foundation.studies.sides import check_sides, has_twins
from regkit.errors import InputError
from regkit.io import open_labels

_MOST_SHOWN = 40


@dataclass(frozen=True)
class LabelMap:
    """A label map, and the name of the table by which it is read."""

    file: Path
    table: str


def maps_of_cases(study: StudyConfig) -> Iterator[LabelMap]:
    """The label maps of the cases of a study, each once."""
    yield from dict.fromkeys(LabelMap(case.labels, case.table) for case in study.cases)


def check_label_maps(study: StudyConfig, maps: Iterable[LabelMap], name: str) -> None:
    """Refuse structures that occur in no map of a table, and exchanged sides in any map.

    Maps are read until every structure of their table has been seen, which is mostly the first
    one; all are read where structures have a left and a right.

    Parameters
    ----------
    study
        Whose tables are there.
    maps
        Some of its label maps.
    name
        What messages call the configuration.

    Raises
    ------
    InputError
        Naming the structure and the values that there are, or the map.
    """
    by_table: dict[str, list[Path]] = {}
    for each in maps:
        by_table.setdefault(each.table, []).append(each.file)
    for table, files in by_table.items():
        _check(study, table, files, name)


def _check(study: StudyConfig, table: str, files: list[Path], name: str) -> None:
    structures = {label: values for label, values in study.values_by(table).items() if values}
    if not table and len(structures) < len(study.labels):
        nothing = next(label for label in study.labels if label not in structures)
        raise InputError(f"{name}: label {nothing!r} has no value; give one, or leave it out")
    missing, seen = dict(structures), set[int]()
    for file in files:
        if not missing and not has_twins(structures):
            return
        labels = open_labels(file)
        seen |= set(labels.values)
        missing = {label: values for label, values in missing.items() if not seen & set(values)}
        check_sides(labels, structures)
    if missing:
        label, values = next(iter(missing.items()))
        there = ", ".join(map(str, sorted(seen)[:_MOST_SHOWN]))
        by = f" by the table {table!r}" if table else ""
        which = "no label map holds; their" if len(files) > 1 else f"{files[0].name} lacks; its"
        raise InputError(
            f"{name}: label {label!r} is {', '.join(map(str, values))}{by}, which {which} values "
            f"are {there}"
        )
