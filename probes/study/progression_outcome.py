"""ProbeProgressionOutcome: what probes of two visits found, written and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probes.study.job_outcome import headlines, summary_lines
from probes.study.judging import ProbeFindings
from probes.study.page import probe_page
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.projection import ProjectedWeights, projection_section
from probes.study.tables import (
    PREDICTIONS,
    RESULTS,
    prediction_rows,
    result_rows,
    write_long_table,
)
from regkit.report import Page, Section, table


@dataclass(frozen=True)
class ProbeProgressionOutcome:
    """What was found."""

    config: ProbeProgressionConfig
    findings: ProbeFindings
    lines: Sequence[int]
    verdicts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    projected: Sequence[ProjectedWeights] = ()

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return the headline of each probe and how registrations were judged, for the record."""
        return {"probes": headlines(self.findings), "registrations": self._counts()}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the long table and the predictions."""
        write_long_table(result_rows(self.config, self.findings), places[RESULTS])
        write_long_table(prediction_rows(self.findings, self.lines), places[PREDICTIONS])

    def page(self) -> Page:
        """Make the report."""
        maps = projection_section(self.projected, f", in the arm {self.config.arms[-1]}")
        return probe_page(self.config, self.findings, [*maps, self._registrations()])

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what the report says first, and a line for each probe."""
        return summary_lines(self.page(), record)

    def _counts(self) -> dict[str, dict[str, int]]:
        return {
            arm: {word: list(found).count(word) for word in sorted(set(found))}
            for arm, found in self.verdicts.items()
        }

    def _registrations(self) -> Section:
        words = sorted({word for found in self.verdicts.values() for word in found})
        rows = [
            (arm, *(str(list(found).count(word)) for word in words))
            for arm, found in self.verdicts.items()
        ]
        text = (
            f"Both visits are sampled once, on a working grid of "
            f"{'x'.join(map(str, self.config.shape))} voxels over the {self.config.reference}; the "
            "unaligned images too, on a grid that is tilted by three degrees, so that no arm is "
            "sharper than another. Unaligned images keep their pose; the centres of their fields "
            "of view lie on each other."
        )
        parts = [table(("arm", *words), rows, numbers=words)] if rows else []
        return Section("Alignment", [text, *parts])
