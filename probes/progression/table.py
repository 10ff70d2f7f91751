"""The table of changes: a row a structure."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probes.progression.change import Progression

CHANGE_TABLE = "changes.tsv"


def change_entries(
    found: Progression, again: Progression | None, years: float
) -> list[dict[str, Any]]:
    """Return a row for each structure, as JSON can hold it: what is not known is None.

    Parameters
    ----------
    found
        The change between the visits.
    again
        The change between the baseline and its repetition, where there was one.
    years
        Between the visits; 0 where that is not known.
    """
    repeated = (
        [each.percent for each in again.changes] if again else [math.nan] * len(found.changes)
    )
    return [
        {
            "structure": each.name,
            "labels": " ".join(map(str, each.labels)),
            "before_mm3": each.before,
            "after_mm3": _known(each.after),
            "percent": _known(each.percent),
            "error": _known(each.error),
            "low": _known(each.interval[0]),
            "high": _known(each.interval[1]),
            "percent_of_mean": _known(each.percent_of_mean),
            "percent_a_year": _known(each.percent / years if years else math.nan),
            "repeat_percent": _known(retest),
            "reason": each.reason,
        }
        for each, retest in zip(found.changes, repeated, strict=True)
    ]


def write_changes(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the rows as a table with tabs; what is not known is ``n/a``, as BIDS has it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "n/a"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
