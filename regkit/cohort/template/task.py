"""The work of a template: registrations on workers, means here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regkit.cohort.start import open_crew
from regkit.cohort.template.headers import GroupHeaders
from regkit.cohort.template.outcome import MemberResult, TemplateOutcome, member_result
from regkit.io import ReadOptions, open_image
from regkit.io.atomic import owner_tag
from regkit.kernels.backend import threads
from regkit.registration.template import (
    GroupTemplate,
    TemplateChange,
    TemplateStage,
    build_template,
)
from regkit.registration.template_mean import ReadMember
from regkit.registration.template_start import GroupMember
from regkit.runs.progress import OnProgress, Progress

if TYPE_CHECKING:
    from regkit.cohort.template.job import TemplateJob
    from regkit.cohort.template.register_group import RegisterOnWorkers


@dataclass(frozen=True)
class TemplateTask:
    """A group whose images have been read and checked.

    Parameters
    ----------
    job
        What was asked for.
    headers
        Of its images, as they were given.
    order
        The images, by their numbers, in the order in which they are summed up: that of their
        contents, so that the order in which they are given changes no bit.
    members
        What is known of each, in that order.
    """

    job: TemplateJob
    headers: GroupHeaders
    order: tuple[int, ...]
    members: tuple[GroupMember, ...]

    @property
    def introduction(self) -> tuple[str, ...]:
        """How many images there are, and in which world."""
        world = self.members[0].world
        return (f"images  {len(self.order)}, in {world}",)

    @property
    def notices(self) -> tuple[str, ...]:
        """Images that are one and the same."""
        first = [each.centre.tolist() for each in self.members]
        twins = len(first) - len({tuple(each) for each in first})
        return (f"{twins} images repeat others, and count again",) if twins else ()

    def execute(self, on_progress: OnProgress) -> TemplateOutcome:
        """Build the template, and look at how each image lies on it."""
        job, images = self.job, [partial(self._read, n) for n in self.order]
        with threads(job.threads), self._registering(on_progress) as register:
            found = build_template(
                images, self.members, register, job.template,
                linear=job.config.transform != "deformable", on_change=_told(on_progress),
            )  # fmt: skip
            members = self._results(images, found, register.records)
            return TemplateOutcome(job.preset, job.config, job.template, found, members)

    def _read(self, number: int) -> Any:
        return open_image(self.headers.images[number])

    def _results(
        self, images: Sequence[ReadMember], found: GroupTemplate, records: Sequence[Any]
    ) -> tuple[MemberResult, ...]:
        """How each image lies on the template, as they were given."""
        rows = zip(self.order, images, self.members, found.transforms, records, strict=True)
        results = {
            number: member_result(self.job.names[number], read(), member, phi, record, found)
            for number, read, member, phi, record in rows
        }
        return tuple(results[number] for number in range(len(results)))

    @contextmanager
    def _registering(self, on_progress: OnProgress) -> Iterator[RegisterOnWorkers]:
        """Workers, and a folder for what they pass on, which is gone afterwards."""
        from regkit.cohort.template.register_group import RegisterOnWorkers

        job, count = self.job, len(self.order)
        memory = self.headers.needs(job.config, job.template.voxel).memory
        with (
            _scratch(job.folder) as scratch,
            open_crew(
                job.place, pairs=count, memory=memory, retries=2,
                on_gpu=job.config.device != "cpu",
                say=lambda line: on_progress(Progress("template", 0.0, line=line)),
            ) as crew,
        ):  # fmt: skip
            yield RegisterOnWorkers(
                crew, [job.images[n].absolute() for n in self.order], scratch, job.config,
                _chosen(job.reading), job.threads,
                partial(_tell_row, on_progress, job.template.iterations, count),
            )  # fmt: skip


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A hidden folder beside the results, which workers elsewhere see too."""
    scratch = folder.absolute() / f".regkit-{owner_tag()}"
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _chosen(reading: ReadOptions) -> dict[str, Any]:
    """What the user says of files, by names."""
    plain = ReadOptions()
    return {
        each.name: value
        for each in fields(reading)
        if (value := getattr(reading, each.name)) != getattr(plain, each.name)
    }


def _tell_row(
    on_progress: OnProgress,
    iterations: int,
    count: int,
    ended: int,
    iteration: int,
    stage: TemplateStage,
) -> None:
    share = (iteration - 1 + ended / count) / iterations
    on_progress(Progress("template", share, f"{stage}, iteration {iteration}, {ended}/{count}"))


def _told(on_progress: OnProgress) -> Any:
    def tell(change: TemplateChange) -> None:
        facts = asdict(change)
        line = (
            "{iteration:>3} {stage:<7} template changed by {intensity:.1%}, moved by {moved:.2g}, "
            "{seconds:.0f} s"
        )
        on_progress(Progress("template", 0.0, line=line.format(**facts)))

    return tell
