"""Page: what a report says, and the one HTML file that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regkit.io.atomic import check_target, write_atomically
from regkit.report.checks import Check, Grade, grade_of, verdict_of
from regkit.report.parts import Section, templates
from regkit.report.provenance import run_section, software


@dataclass(frozen=True)
class Page:
    """What a report says; a product adds its sections, all else is the kit's.

    Parameters
    ----------
    title
        What it is a report of.
    checks
        Everything that was judged, shown at the top.
    sections
        Everything that is shown, in this order.
    facts
        A few words below the title.
    verdict, grade
        What the result is worth, in a sentence and in a word; by default what the checks say.
    notes
        What a reader should know beside the checks, one sentence each.
    settings
        All settings, under the names that a user gives them; they may be nested.
    citations
        What to cite beside regkit itself.
    """

    title: str
    checks: Sequence[Check] = ()
    sections: Sequence[Section] = ()
    facts: Sequence[str] = ()
    verdict: str = ""
    grade: Grade | None = None
    notes: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    citations: Sequence[str] = ()


def write_page(page: Page, path: str | Path, *, record: Mapping[str, Any] | None = None) -> Path:
    """Write a report as one self-contained file.

    Parameters
    ----------
    page
        What it says.
    path
        The ``.html`` file; one that exists is replaced, whole or not at all.
    record
        The record of the run, as :func:`regkit.runs.record.make_record` makes it; it adds the
        inputs, the time and the notices.

    Raises
    ------
    InputError
        If the folder of ``path`` does not exist or may not be written.
    """
    target = Path(path)
    check_target(target, overwrite=True)
    text = render_page(page, record=record)
    write_atomically(
        target,
        lambda part: part.write_text(text, encoding="utf-8"),
        lambda part: part.read_text(encoding="utf-8"),
        overwrite=True,
    )
    return target


def render_page(page: Page, *, record: Mapping[str, Any] | None = None) -> str:
    """Return the HTML of :func:`write_page` as text; nothing in it is loaded from anywhere."""
    about = record or {}
    return (
        templates()
        .get_template("base.html.j2")
        .render(
            page=page,
            verdict=page.verdict or verdict_of(page.checks),
            grade=page.grade or grade_of(page.checks),
            notes=[*page.notes, *about.get("notices", ())],
            citations=[software(), *page.citations],
            sections=[*page.sections, run_section(about, page.settings)],
        )
    )
