"""The overview: one page, the pairs that ask for a look first, with links to their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from regkit.cohort.distributions import distributions
from regkit.cohort.plan import Plan
from regkit.cohort.results import Results
from regkit.cohort.work import THUMBNAILS
from regkit.report import Grade, Page, Section, figure, hint, table, write_page
from regkit.report.parts import link, small_picture
from regkit.report.photo import Photo

OVERVIEW = "overview.html"
_SHOWN = 500  # rows, with their pictures in the page: what a browser sorts without waiting
_REPORT = "report.html"
_NONE = "no result"
_ORDER = (
    "Pairs without a result come first, then those whose quality is fail, then the oddest of the "
    "cohort: odd is how many robust standard deviations a measure lies from the median. A click on "
    "a heading sorts by its column."
)


def write_overview(plan: Plan, results: Results) -> Path:
    """Write ``overview.html``, whole or not at all.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    return write_page(overview(plan, results), plan.folder / OVERVIEW)


def overview(plan: Plan, results: Results) -> Page:
    """Make the page of a cohort: how many pairs ended how, the distributions, and the pairs."""
    columns, entries = list(results.outliers.z), sorted(results, key=_order)
    counts = Counter(map(_verdict, entries))
    words = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    pairs = [hint(_ORDER + _left_out(len(entries))), _pairs(plan, entries, columns)]
    charts = [figure(each) for each in distributions(columns, entries)]
    sections = [Section("Pairs", pairs), *([Section("Distributions", charts)] if charts else [])]
    return Page(
        f"Cohort {plan.table.name}: {plan.kind.name}",
        sections=sections,
        verdict=f"{len(entries)} pairs: {words}.",
        grade=_grade(counts),
    )


def _grade(counts: Mapping[str, int]) -> Grade:
    if counts.get(_NONE) or counts.get("fail"):
        return "fail"
    return "doubtful" if counts.get("doubtful") else "pass"


def _left_out(count: int) -> str:
    return f" {count - _SHOWN} more, all less odd, are in table.csv." if count > _SHOWN else ""


def _order(entry: Mapping[str, Any]) -> tuple[bool, bool, float]:
    """Failed pairs first, then those whose quality fails, then the oddest."""
    return (
        entry["status"] != "failed", entry["quality"] != "fail", -(entry.get("outlier") or 0.0)
    )  # fmt: skip


def _verdict(entry: Mapping[str, Any]) -> str:
    """No result, the quality of a result, or that there is one."""
    return _NONE if entry["status"] == "failed" else entry["quality"] or "done"


def _pairs(plan: Plan, entries: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Markup:
    titles = ("pair", "before, after", "verdict", "why", "odd", "by", *columns)
    rows = [_row(plan.folder, entry, columns) for entry in entries[:_SHOWN]]
    return table(titles, rows, numbers=("odd", *columns))


def _row(folder: Path, entry: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    name, score = entry["output"], entry.get("outlier")
    picture = folder / THUMBNAILS / f"{name}.jpg"
    alt = f"Outlines of fixed on {name}, before and after"
    return [
        link(name, f"{quote(name)}/{_REPORT}") if (folder / name / _REPORT).is_file() else name,
        small_picture(Photo(picture.read_bytes(), alt)) if picture.is_file() else "",
        _verdict(entry),
        entry["error"] or entry["reasons"],
        "" if score is None else f"{score:.1f}",
        entry.get("outlier_by") or "",
        *("" if entry.get(column) is None else f"{entry[column]:.4g}" for column in columns),
    ]
