"""Sections with numbers: metrics, stages, and the headers of the two images."""

from __future__ import annotations

from collections.abc import Mapping

from regkit.registration.result import Result
from regkit.report.parts import Section, figure, pairs, table
from regkit.report.registration.curves import similarity_curves
from regkit.report.registration.metric_rows import metric_rows
from regkit.report.registration.rows import (
    STAGE_COLUMNS,
    STAGE_NUMBERS,
    header_rows,
    stage_rows,
)
from regkit.report.values import plain
from regkit.volume.volume import Volume

_CURVES = (
    "at each iteration; lower is better. The voxel size of each level stands where it begins. A "
    "filled dot: the level converged. An open dot: it reached its iteration limit."
)
_NO_CURVES = "Nothing was optimised, so there is no similarity curve."


def metrics_section(result: Result, before: Mapping[str, float] | None) -> Section:
    """List every metric after registration and, where it is known, before."""
    unit = result.fixed.grid.world.unit
    config = result.config
    weights = {"dice": config.dice, "landmark": config.landmark_weight}
    guided = [name for name, weight in weights.items() if weight > 0]
    found = metric_rows(result.metrics, before, guided=guided, unit=unit)
    if any(row.compared for row in found):
        columns = ("Metric", "Before", "After", "Meaning")
        rows = [(row.label, row.before, row.after, row.meaning) for row in found]
        return Section("Metrics", [table(columns, rows, numbers=columns[1:3])])
    alone = [(row.label, row.after, row.meaning) for row in found]
    return Section("Metrics", [table(("Metric", "Value", "Meaning"), alone, numbers=("Value",))])


def stages_section(result: Result) -> Section:
    """Say why this similarity was taken, how it fell, and what each stage did."""
    curves = similarity_curves(result.stages, unit=result.fixed.grid.world.unit)
    drawn = _NO_CURVES if curves is None else figure(curves, "Similarity", _CURVES)
    ran = table(STAGE_COLUMNS, stage_rows(result.stages), numbers=STAGE_NUMBERS)
    notes = [(f"Note on {stage.name}", stage.note) for stage in result.stages if stage.note]
    remarks = pairs([("Choice of similarity", plain(result.reason)), *notes])
    return Section("How the result was found", [drawn, ran, remarks])


def headers_section(fixed: Volume, moving: Volume) -> Section:
    """Put the headers of both images side by side."""
    return Section("Images", [table(("", "Fixed", "Moving"), header_rows(fixed, moving))])
