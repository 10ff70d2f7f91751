"""Any job of the entry points `regkit.jobs` from a table: a row stands for its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from regkit.cohort.kind import RowKind
from regkit.cohort.reading import split_reading
from regkit.cohort.row import PairRow
from regkit.runs import RECORD, InputFile, Job
from regkit.runs.kinds import job_again

_IMAGE = "image.nii.gz"


def recorded_rows(kind: str) -> RowKind:
    """Rows whose files have the roles of the inputs of a job, and whose options are its settings.

    Every column that is not ``subject``, ``session``, ``output`` or an option names files; there
    is at least the column ``image``.
    """
    return RowKind(
        kind, partial(_make, kind), required=("image",), options=None, images=("image",),
        output="image",
    )  # fmt: skip


def _make(kind: str, row: PairRow, folder: Path) -> Job:
    asked, reading = split_reading(row.options)
    record: Mapping[str, Any] = {
        "kind": kind,
        "asked": asked,
        "reading": asdict(reading),
        "outputs": {"image": _IMAGE, "record": RECORD},
    }
    inputs = [InputFile(role, path) for role, paths in row.files.items() for path in paths]
    return job_again(record, inputs, folder)
