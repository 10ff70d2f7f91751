"""Read tables of images, CSV or JSON, and check them before the first step."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.settings import near

COLUMNS = ("image", "modality", "subject", "labels", "mask")


@dataclass(frozen=True)
class SourceRow:
    """One image and its labels and mask; images of one subject lie in one space."""

    image: Path
    modality: str
    subject: str
    labels: Path | None = None
    mask: Path | None = None


def read_table(path: Path, *, modalities: Sequence[str] = ()) -> list[SourceRow]:
    """Read the rows of a table, and check that all of its files are there.

    Parameters
    ----------
    path
        ``.csv`` with a header, or ``.json`` with a list of objects (or ``{"data": [...]}``), of
        the columns ``image``, ``modality``, ``subject``, ``labels`` and ``mask``. Only ``image``
        is required. Files are relative to the table.
    modalities
        Those that are allowed; any, if empty.

    Raises
    ------
    InputError
        If the table, a column, a modality or a file is wrong; with what is nearest to it.
    """
    raw = _raw(path)
    if not raw:
        raise InputError(f"{path}: has no rows; give at least one image")
    rows = [_row(path, number, each) for number, each in enumerate(raw, 1)]
    for number, row in enumerate(rows, 1):
        if modalities and row.modality not in modalities:
            hint = near(row.modality, list(modalities))
            raise InputError(f"{path}: row {number}: modality {row.modality!r} is unknown{hint}")
    _refuse_twice(path, rows)
    return rows


def check_held_out(rows: Sequence[SourceRow], held_out: Sequence[str], name: str) -> None:
    """Refuse subjects for validation of whom there is none, or who leave nothing to learn from.

    Parameters
    ----------
    rows
        Of the table.
    held_out
        Subjects that are for validation alone.
    name
        What messages call the file of settings.

    Raises
    ------
    InputError
        If that is so.
    """
    subjects = {row.subject for row in rows}
    unknown = sorted(set(held_out) - subjects)
    if unknown:
        hint = near(unknown[0], sorted(subjects))
        raise InputError(f"{name}: held_out: {unknown[0]!r} is no subject of the table{hint}")
    if subjects <= set(held_out):
        raise InputError(f"{name}: held_out: leaves no image to learn from")


def _raw(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such table; give CSV or JSON with the columns "
            f"{', '.join(COLUMNS)}; its path counts from where the command runs"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            found = json.loads(text)
            found = found.get("data") if isinstance(found, dict) else found
        else:
            found = list(csv.DictReader(text.splitlines()))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InputError(f"{path}: is not a list of rows; give CSV, or JSON as a list of objects")
    return found


def _row(table: Path, number: int, given: dict[str, Any]) -> SourceRow:
    for column in given:
        if column not in COLUMNS:
            raise InputError(
                f"{table}: column {column!r} is unknown{near(str(column), [*COLUMNS])}"
            )
    image, labels, mask = (
        _file(table, number, given.get(name)) for name in ("image", "labels", "mask")
    )
    if image is None:
        raise InputError(f"{table}: row {number} has no image; fill the column 'image'")
    subject = str(given.get("subject") or image.name.split(".")[0])
    return SourceRow(image, str(given.get("modality") or "other"), subject, labels, mask)


def _file(table: Path, number: int, name: Any) -> Path | None:
    if not name:
        return None
    path = table.parent / str(name)
    if not path.is_file():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = near(path.name, beside) if beside else "; the folder does not exist either"
        hint = hint if "did you mean" in hint or not beside else "; check the path"
        raise InputError(f"{table}: row {number}: {name} does not exist{hint}")
    return path


def _refuse_twice(path: Path, rows: Iterable[SourceRow]) -> None:
    """Refuse two images of one modality of a subject: which of them is meant cannot be guessed."""
    seen: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows, 1):
        before = seen.setdefault((row.subject, row.modality), number)
        if before != number:
            raise InputError(
                f"{path}: rows {before} and {number} are both {row.modality} of {row.subject}; "
                "give each its own subject or modality"
            )
