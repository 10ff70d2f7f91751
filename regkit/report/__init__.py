"""A kit for reports: one page that holds everything it shows, made of checks and sections.

A product describes its :class:`Page`: a title, a :class:`Check` for everything that was judged, and
a :class:`Section` for everything that is shown. :func:`write_page` makes one HTML file of it, in
the one style sheet of the kit. Text is escaped wherever it comes from.

Examples
--------
>>> page = Page("Two <groups>", sections=[Section("Scores", [pairs([("mean", "0.8")])])])
>>> "Two &lt;groups&gt;" in render_page(page)
True
"""

from regkit.report.checks import Check, Grade
from regkit.report.page import Page, render_page, write_page
from regkit.report.parts import (
    Section,
    blend,
    details,
    figure,
    gallery,
    hint,
    legend,
    pairs,
    table,
    viewer,
)

__all__ = [
    "Check",
    "Grade",
    "Page",
    "Section",
    "blend",
    "details",
    "figure",
    "gallery",
    "hint",
    "legend",
    "pairs",
    "render_page",
    "table",
    "viewer",
    "write_page",
]
