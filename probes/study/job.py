"""ProbeJob: judge what linear probes can tell of a table of images, as a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from probes.features import PooledStore
from probes.linear import Target
from probes.linear.nested import ProbeSettings
from probes.study.blocks import (
    FeatureBlock,
    OpenedFeatures,
    chosen_structures,
    stacked_columns,
    structure_volumes,
)
from probes.study.checks import check_row, check_split
from probes.study.config import COVARIATES, OF_NUMBERS, VOLUMES, ProbeConfig
from probes.study.job_outcome import ProbeOutcome
from probes.study.judging import judge_blocks
from probes.study.maps import projected_image_weights
from probes.study.outcomes import covariates_of, split_of, target_of, with_outcome
from probes.study.owners import check_owners
from probes.study.records import config_again, refuse_other_images
from probes.study.seeing import resample_to_shape, rescale_intensity
from probes.study.sources import open_features, source_notices, store_of
from probes.study.table_job import TableJob
from probes.table import ProbeRow, ProbeTable
from regkit.errors import InputError
from regkit.runs import InputFile, Needs, OnProgress, Progress
from regkit.volume import Labels, Volume

_BYTES = 1 << 29  # the features of a small study, and a small network
_FEATURES, _PROBES = 0.7, 0.3  # shares of the time


@dataclass(frozen=True)
class ProbeJob(TableJob):
    """A run of `regkit probe run`; see :class:`~probes.study.table_job.TableJob`."""

    kind: ClassVar[str] = "probe"

    def check(self) -> None:
        """Refuse sources that see pairs."""
        for each in self.config.features:
            if each.source.startswith("gradicon"):
                raise InputError(
                    f"features {each.title!r} see a pair of images; use `regkit probe progression`"
                )

    def look(self) -> ProbeSurvey:
        """Read the table, its outcomes and the headers of its images.

        Raises
        ------
        InputError
            If labels lie on another grid than their image, a subject is on both sides of a split,
            or there are too few of a class; naming the row.
        """
        table = self.table()
        rows = with_outcome(table.rows, self.config.outcome)
        target = target_of(rows, table, self.config)
        split = split_of(rows, table, self.config)
        if split is not None:
            check_split(split, target, self.config, table.name)
        check_owners(rows, table.what)
        for row in rows:
            check_row(row, table, self.config)
        covariates = covariates_of(rows, table, self.config.covariates)
        settings = self.config.plan(split)
        left_out, notices = len(table.rows) - len(rows), []
        if left_out:
            notices.append(f"{left_out} of {len(table.rows)} rows have no outcome and are left out")
        wanted = self.config.maps and any(f.source not in OF_NUMBERS for f in self.config.features)
        mapped = wanted and (self.config.shape is not None or _alike(rows))
        if wanted and not mapped:
            notices.append(
                "images have several shapes, so that no maps are drawn; set `shape` for these"
            )
        return ProbeSurvey(
            self, table, rows, target, settings, {COVARIATES: covariates}, mapped, tuple(notices)
        )


def _alike(rows: Sequence[ProbeRow]) -> bool:
    """Whether all images have one shape."""
    return len({row.image.grid().shape for row in rows}) == 1


@dataclass(frozen=True, eq=False)
class ProbeSurvey:
    """A table whose rows have been looked at."""

    job: ProbeJob
    table: ProbeTable
    rows: Sequence[ProbeRow]
    target: Target
    settings: ProbeSettings
    numbers: Mapping[str, Any]
    mapped: bool
    notices: tuple[str, ...] = ()

    def needs(self) -> Needs:
        """Estimate the memory; that of a large network is its own."""
        return Needs(_BYTES, of=self.table.name)

    def open(self) -> ProbeTask:
        """Open the sources of features."""
        opened = open_features(self.job.config)
        notices = (*self.notices, *source_notices(opened, self.job.config))
        return ProbeTask(self, opened, notices=notices)


@dataclass(frozen=True, eq=False)
class ProbeTask:
    """A table and sources of features that are ready."""

    survey: ProbeSurvey
    opened: Sequence[OpenedFeatures]
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ProbeOutcome:
        """Make the features of every row, then judge probes of them."""
        survey, config = self.survey, self.survey.job.config
        blocks = self._blocks(on_progress)
        for each in blocks:
            each.check(survey.table.name)
        findings = judge_blocks(
            blocks, survey.target, config, survey.settings, first_against_rest(len(blocks)),
            lambda share: on_progress(Progress("probes", _FEATURES + _PROBES * share)),
        )  # fmt: skip
        projected = (
            projected_image_weights(findings, self.opened, self._shown, config.map_subjects)
            if survey.mapped
            else []
        )
        return ProbeOutcome(config, findings, [row.line for row in survey.rows], projected)

    def _shown(self, number: int) -> tuple[Volume, Labels | None]:
        """What sources are shown of a row."""
        config, row = self.survey.job.config, self.survey.rows[number]
        return _shown_of(row, _structures(row, config), config)

    def _blocks(self, on_progress: OnProgress) -> list[FeatureBlock]:
        survey, config = self.survey, self.survey.job.config
        store, found = store_of(config), []
        for number, row in enumerate(survey.rows, start=1):
            found.append(_row_vectors(row, config, self.opened, store))
            on_progress(Progress("features", _FEATURES * number / len(survey.rows)))
        blocks = []
        for choice in config.features:
            columns = (
                {(COVARIATES, ""): survey.numbers[COVARIATES]}
                if choice.source == COVARIATES
                else stacked_columns([each[choice.title] for each in found])
            )
            blocks.append(FeatureBlock("", choice.title, choice.baseline, columns))
        return blocks


def _row_vectors(
    row: ProbeRow, config: ProbeConfig, opened: Sequence[OpenedFeatures], store: PooledStore
) -> dict[str, Any]:
    labels, found = _structures(row, config), dict[str, Any]()
    for choice in config.features:
        if choice.source == VOLUMES and labels is not None:
            found[choice.title] = {(VOLUMES, ""): structure_volumes(labels, config.structures)}
    if opened:
        image, structures = _shown_of(row, labels, config)
        for each in opened:
            found[each.choice.title] = each.vectors([image], structures, store)
    return found


def _structures(row: ProbeRow, config: ProbeConfig) -> Labels | None:
    if not config.structures or row.labels is None:
        return None
    return chosen_structures(row.open_labels(), config.structures)


def _shown_of(
    row: ProbeRow, structures: Labels | None, config: ProbeConfig
) -> tuple[Volume, Labels | None]:
    return resample_to_shape(rescale_intensity(row.image.open()), structures, config.shape)


def first_against_rest(count: int) -> list[tuple[int, int]]:
    """List each block but the first against the first."""
    return [(number, 0) for number in range(1, count)]


def probe_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> ProbeJob:
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, folder
        As of :data:`regkit.runs.kinds.Again`.
    inputs
        The tables that it names; images are looked for where these tables name them.

    Raises
    ------
    InputError
        If the settings are not those of a study, or an image is another one now.
    """
    config = config_again(record, inputs, ProbeConfig)
    job = ProbeJob(config, folder, full_paths=any(each.full_path for each in inputs))
    refuse_other_images(record, job.table())
    return job
