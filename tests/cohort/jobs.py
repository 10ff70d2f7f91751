"""Rows of somebody else's job: numbers in a text file, times a factor; some of them go wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from regkit.cohort import CohortOutliers, RowKind
from tests.runs.scaling import Scaled, ScalingJob


@dataclass(frozen=True)
class Threads(Scaled):
    """Says how many threads the libraries took, and in which process."""

    def entries(self, seconds):
        import torch

        from regkit.kernels.cpu import loops

        found = {"loops": loops.thread_count(), "torch": torch.get_num_threads()}
        return {**super().entries(seconds), "metrics": {**found, "total": sum(self.numbers)},
                "pid": os.getpid()}  # fmt: skip


@dataclass(frozen=True)
class RiskyJob(ScalingJob):
    """The same, which ``trouble`` befalls: each time, or where the marker is not there yet."""

    kind: ClassVar[str] = "risky"

    trouble: str = ""
    marker: Path | None = None

    def execute(self, on_progress):
        first = self.marker is None or not self.marker.exists()
        if self.trouble and first:
            if self.marker is not None:
                self.marker.touch()
            if self.trouble == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.trouble == "cancelled":  # the batch job around it
                number = os.environ.get("SLURM_JOB_ID", str(os.getpgrp()))
                subprocess.run([shutil.which("scancel"), number])
                time.sleep(60)
            raise RuntimeError(f"no {self.trouble}\nhere")
        return Threads(super().execute(on_progress).numbers)


def make(row, folder):
    """A row with a file `source` and the options `factor` and `trouble`."""
    marker = row.options.get("marker")
    return RiskyJob(
        row.file("source"), folder, float(row.options.get("factor", 2.0)),
        memory=int(row.options.get("memory", 0)), overwrite=True,
        trouble=str(row.options.get("trouble", "")), marker=Path(marker) if marker else None,
    )  # fmt: skip


ROWS = RowKind(
    "risky", make, required=("source",), options=("factor", "trouble", "marker", "memory"),
    output="source", outliers={"total": CohortOutliers()},
)  # fmt: skip
