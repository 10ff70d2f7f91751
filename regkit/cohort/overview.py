"""The overview: one page, the pairs that ask for a look first, with links to their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from regkit.cohort.histogram import Histogram, histogram
from regkit.cohort.plan import Plan
from regkit.cohort.results import Results
from regkit.cohort.work import THUMBNAILS
from regkit.io.atomic import write_atomically

OVERVIEW = "overview.html"
_SHOWN = 1000  # rows: what a browser sorts without waiting
_REPORT = "report.html"
_VERDICTS = ("fail", "doubtful", "pass")


@dataclass(frozen=True)
class Shown:
    """One pair as the page shows it.

    Parameters
    ----------
    name, link, thumbnail
        Its name, and where its report and its picture are, empty where there are none.
    verdict
        ``failed``, or what its quality is.
    score, by
        How odd it is, and by what.
    said
        Its error, or what its checks say.
    numbers
        One for each column, empty where it was not measured.
    """

    name: str
    link: str
    thumbnail: str
    verdict: str
    score: str
    by: str
    said: str
    numbers: tuple[str, ...]


def write_overview(plan: Plan, results: Results) -> Path:
    """Write ``overview.html``, whole or not at all.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    path, text = plan.folder / OVERVIEW, render(plan, results)
    write_atomically(
        path, lambda part: part.write_text(text, encoding="utf-8"), lambda part: part.stat(),
        overwrite=True,
    )  # fmt: skip
    return path


def render(plan: Plan, results: Results) -> str:
    """The page as text."""
    columns = list(results.outliers.z)
    entries = sorted(results, key=_order)
    environment = Environment(
        loader=PackageLoader("regkit.cohort", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("overview.html.j2").render(
        title=f"{plan.kind.name} of {plan.table.name}",
        count=len(entries),
        left=max(0, len(entries) - _SHOWN),
        verdicts=sorted(Counter(_verdict(entry) for entry in entries).items()),
        columns=columns,
        rows=[_shown(plan, entry, columns) for entry in entries[:_SHOWN]],
        histograms=_histograms(columns, entries),
    )


def _order(entry: Mapping[str, Any]) -> tuple[bool, bool, float]:
    """Failed pairs first, then those whose quality fails, then the oddest."""
    return (
        entry["status"] != "failed", entry["quality"] != "fail", -(entry.get("outlier") or 0.0)
    )  # fmt: skip


def _verdict(entry: Mapping[str, Any]) -> str:
    return "failed" if entry["status"] == "failed" else entry["quality"] or "done"


def _shown(plan: Plan, entry: Mapping[str, Any], columns: list[str]) -> Shown:
    name, score = entry["output"], entry.get("outlier")
    return Shown(
        name,
        _link(plan.folder, name, _REPORT),
        _link(plan.folder, THUMBNAILS, f"{name}.jpg"),
        _verdict(entry),
        "" if score is None else f"{score:.1f}",
        entry.get("outlier_by") or "",
        entry["error"] or entry["reasons"],
        tuple(_number(entry.get(column)) for column in columns),
    )


def _link(folder: Path, *parts: str) -> str:
    """An address relative to the page; empty where nothing is there."""
    return "/".join(map(quote, parts)) if folder.joinpath(*parts).is_file() else ""


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"


def _histograms(columns: list[str], entries: list[dict[str, Any]]) -> list[Histogram]:
    found = [histogram(name, (entry.get(name) for entry in entries)) for name in columns]
    return [each for each in found if each is not None]
