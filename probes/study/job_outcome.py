"""ProbeOutcome: what probes of a table found, written and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.study.config import ProbeConfig
from probes.study.judging import ProbeFindings
from probes.study.page import probe_page
from probes.study.projection import ProjectedWeights, projection_section
from probes.study.tables import (
    PREDICTIONS,
    RESULTS,
    prediction_rows,
    result_rows,
    write_long_table,
)
from regkit.report import Page


@dataclass(frozen=True, eq=False)
class ProbeOutcome:
    """What was found."""

    config: ProbeConfig
    findings: ProbeFindings
    lines: Sequence[int]
    projected: Sequence[ProjectedWeights] = ()

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return the headline of each probe, for the record."""
        return {"probes": headlines(self.findings)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the long table and the predictions."""
        write_long_table(result_rows(self.config, self.findings), places[RESULTS])
        write_long_table(prediction_rows(self.findings, self.lines), places[PREDICTIONS])

    def page(self) -> Page:
        """Make the report."""
        return probe_page(self.config, self.findings, projection_section(self.projected))

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what the report says first, and a line for each probe."""
        return summary_lines(self.page(), record)


def headlines(findings: ProbeFindings) -> list[dict[str, Any]]:
    """List what each probe reached, as a record holds it."""
    return [
        {
            "probe": each.title, "metric": findings.metric,
            "value": each.score(findings.metric).interval.estimate,
            "low": each.score(findings.metric).interval.low,
            "high": each.score(findings.metric).interval.high,
        }
        for each in findings.judged
    ]  # fmt: skip


def summary_lines(page: Page, record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a page says first, and a line for each probe of a record."""
    lines = [
        f"{each['metric']} {each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f})  "
        f"{each['probe']}"
        for each in record["probes"]
    ]
    return (page.verdict, *lines)
