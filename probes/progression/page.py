"""The report of a measurement of change, as a page of the kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from probes.progression.change import Progression
from probes.progression.table import change_entries
from regkit.report import Page, Section, blend, figure, hint, table
from regkit.report.canvas import MAP, strip
from regkit.report.display import display_range, shade
from regkit.report.figures import grey
from regkit.report.picture import Picture
from regkit.report.slices import cut_plane, planes
from regkit.report.values import base_name
from regkit.volume import Volume

_HALF_WAY = (
    "Both visits in the space half-way between them, as the rigid motion alone places them: what "
    "moves between the two pictures is what has changed. Move the slider, or let them alternate."
)
_MAP = (
    "How much each voxel of the baseline has grown (red) or shrunk (blue). Inside an even region "
    "the images say little, and the map is as smooth as the registration made it."
)
_TABLE = (
    "The interval of 95 % holds what the noise of these two images does to the measurement. It "
    "does not hold what differs between sessions: the coil, the shim, how much the person drank. "
    "A second scan of the baseline visit (repeat) shows some of that."
)
_CITED = (
    "Ashburner, Ridgway: Symmetric diffeomorphic modeling of longitudinal structural MRI. "
    "Frontiers in Neuroscience 6:197, 2013."
)
_NUMBERS = ("before, mm³", "after, mm³", "change, %", "95 %", "a year, %", "repeat, %")


def progression_page(
    baseline: Volume,
    found: Progression,
    again: Progression | None,
    *,
    years: float,
    settings: Mapping[str, Any],
) -> Page:
    """Make the page that reports a change between two visits.

    Parameters
    ----------
    baseline
        The first visit, on which slices are cut.
    found
        What changed.
    again
        What seemed to change between the baseline and its repetition, where there was one.
    years
        Between the visits; 0 where that is not known.
    settings
        All of them, by name.
    """
    return Page(
        title=f"Change since {base_name(baseline.name) or 'the baseline'}",
        checks=found.checks,
        sections=[
            Section("Structures", [hint(_TABLE), _changes(found, again, years)]),
            Section("Before and after", [hint(_HALF_WAY), _alternating(found)]),
            Section("Where it changed", [hint(_MAP), figure(_change_map(baseline, found))]),
        ],
        notes=found.notes,
        settings=settings,
        citations=[_CITED],
    )


def _changes(found: Progression, again: Progression | None, years: float) -> str:
    rows = [_row(entry) for entry in change_entries(found, again, years)]
    shown = [
        number for number, name in enumerate(("structure", *_NUMBERS, "remark"))
        if name in ("structure", *_NUMBERS[:3]) or any(row[number] for row in rows)
    ]  # fmt: skip
    columns = [("structure", *_NUMBERS, "remark")[number] for number in shown]
    return table(columns, [[row[number] for number in shown] for row in rows], numbers=_NUMBERS)


def _row(entry: Mapping[str, Any]) -> list[str]:
    interval = "" if entry["low"] is None else f"{entry['low']:+.2f} to {entry['high']:+.2f}"
    numbers = [_text(entry[key], form) for key, form in (
        ("before_mm3", ".0f"), ("after_mm3", ".0f"), ("percent", "+.2f"),
    )]  # fmt: skip
    later = [_text(entry[key], "+.2f") for key in ("percent_a_year", "repeat_percent")]
    numbers[2] = numbers[2] or "not known"
    return [entry["structure"], *numbers, interval, *later, entry["reason"]]


def _text(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _alternating(found: Progression) -> str:
    first, second = found.pair.images
    view, limits = planes(first), display_range(first)
    gain = float(first.data.sum() / second.data.sum().clamp(min=1e-12))
    later = second.with_data(second.data * gain)
    names = ", ".join(plane.name for plane in view)
    shown = [
        grey(view, [shade(cut_plane(each, plane), limits) for plane in view], f"{what}: {names}.")
        for each, what in ((first, "Baseline"), (later, "Follow-up"))
    ]
    return blend(shown[0], shown[1], ("baseline", "follow-up"))


def _change_map(baseline: Volume, found: Progression) -> Picture:
    view = planes(baseline)
    percent = found.jacobian.with_data(100 * (found.jacobian.data - 1))
    inside = baseline.data[0] > 0.1 * display_range(baseline)[1]
    values = percent.data[0][inside].abs().numpy()
    limit = max(float(np.quantile(values, 0.99)) if values.size else 0.0, 0.1)
    drawn = strip(view, look=MAP)
    for panel, plane in zip(drawn.panels, view, strict=True):
        scale = panel.show_signed(cut_plane(percent, plane), limit)
    drawn.add_bar(scale, "change, %")
    return drawn.picture(f"Change of volume: {', '.join(plane.name for plane in view)}.")
