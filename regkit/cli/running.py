"""Running: the options by which a user says how a job is run, which a command takes whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regkit.cli.option_group import group_of
from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet, Record, Resume

if TYPE_CHECKING:
    from regkit.runs import Done, Job


@dataclass(frozen=True)
class Running:
    """How a job is run; each field is the option of that name."""

    record: Record = None
    overwrite: Overwrite = False
    resume: Resume = False
    full_paths: FullPaths = False
    dry_run: DryRun = False
    as_json: Json = False
    quiet: Quiet = False
    debug: Debug = False

    @property
    def replaces(self) -> bool:
        """Whether a job may replace what is there: one that was interrupted is begun anew."""
        return self.overwrite or self.resume

    @property
    def for_file(self) -> dict[str, Any]:
        """The fields of a :class:`regkit.runs.output_file.OutputFile` that are options here."""
        return {
            "record": self.record, "overwrite": self.replaces, "full_paths": self.full_paths
        }  # fmt: skip

    def carry_out(self, job: Job, *, more: Sequence[str] = ()) -> Done | None:
        """Do ``job`` as :func:`regkit.cli.job.carry_out` does."""
        from regkit.cli.job import carry_out

        return carry_out(
            job, resume=self.resume, dry_run=self.dry_run, as_json=self.as_json, quiet=self.quiet,
            more=more,
        )  # fmt: skip


RUNNING = group_of("running", Running)
