"""The entry of one pair in the results: flat, with a name for everything."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

from regkit.cohort.plan import PlannedPair
from regkit.cohort.table import PairTable
from regkit.cohort.work import FinishedPair

# What stands elsewhere in an entry, or is the same in all of them.
_ELSEWHERE = frozenset(
    {"status", "kind", "seconds", "peak_memory_mb", "metrics", "quality", "numbers"}
)
_SCALARS = (str, int, float)


def entry_of(table: PairTable, planned: PlannedPair, finished: FinishedPair) -> dict[str, Any]:
    """Collect what the results say of one pair.

    Parameters
    ----------
    table
        The table, which says how files are shown.
    planned
        The row and its job.
    finished
        What came of it.

    Returns
    -------
    dict
        ``output``, ``line``, ``subject``, ``session``, the files of the row, ``status``,
        ``error``, ``quality``, ``reasons``, ``seconds`` of the work, ``elapsed`` seconds with
        reading and writing, ``memory_mb``, ``before`` (it was finished by an earlier run), every
        metric, the severity of every check as ``check_NAME``, and what the record says in single
        words and numbers.
    """
    row, record = planned.row, finished.record
    quality = record.get("quality") or {}
    return {
        "output": row.name,
        "line": row.line,
        "subject": row.subject,
        "session": row.session,
        **{column: ";".join(map(table.shown, paths)) for column, paths in row.files.items()},
        "status": finished.status,
        "error": finished.error,
        "quality": quality.get("verdict", ""),
        "reasons": " ".join(quality.get("reasons", ())),
        "seconds": record.get("seconds"),
        "elapsed": round(finished.elapsed, 3),
        "memory_mb": record.get("peak_memory_mb"),
        "before": finished.before,
        **_numbers(record.get("metrics")),
        **{f"check_{each['name']}": each["severity"] for each in quality.get("checks", ())},
        **{k: v for k, v in record.items() if k not in _ELSEWHERE and isinstance(v, _SCALARS)},
        **_numbers(finished.numbers),
    }


def proof_of(record: Mapping[str, Any]) -> int:
    """A number that differs between two runs whose outputs differ."""
    return zlib.crc32(json.dumps(record.get("sha256"), sort_keys=True).encode())


def _numbers(given: Any) -> dict[str, float | None]:
    """Numbers by name; those that are not finite are left open."""
    found = given.items() if isinstance(given, Mapping) else ()
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in found
        if value is None or isinstance(value, int | float)
    }
