"""ProbeProgressionJob: whether features of two visits tell an outcome, aligned or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from probes.linear import Target
from probes.linear.nested import ProbeSettings
from probes.linear.target import FloatArray
from probes.study.blocks import chosen_structures
from probes.study.checks import check_row, check_split
from probes.study.config import VOLUMES
from probes.study.outcomes import covariates_of, split_of, target_of, with_outcome
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.progression_task import ProbeProgressionTask
from probes.study.records import (
    OF_RUN,
    config_again,
    data_digests,
    refuse_other_images,
    table_inputs,
)
from probes.study.seeing import rescale_intensity
from probes.study.sources import open_features, source_notices
from probes.study.tables import PAGE, PREDICTIONS, RESULTS
from probes.study.visits import VisitPair, pair_visits
from probes.table import ProbeRow, ProbeTable, read_study_table
from regkit.errors import InputError
from regkit.io import open_image, open_labels, read_header
from regkit.runs import RECORD, Folder, InputFile, Needs

_BYTES_A_VOXEL = 200  # two images, a field and what registers them


@dataclass(frozen=True)
class ProbeProgressionJob:
    """A run of `regkit probe progression`.

    Parameters
    ----------
    config
        The study.
    folder
        Where results go.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "probe-progression"

    config: ProbeProgressionConfig
    folder: Path
    overwrite: bool = False
    full_paths: bool = False

    @property
    def outputs(self) -> Folder:
        """The long table, the predictions, the report and the record."""
        return Folder(self.folder, (RESULTS, PREDICTIONS, PAGE, RECORD), self.overwrite)

    def table(self) -> ProbeTable:
        """Read the table."""
        return read_study_table(self.config.layout, self.config.table, self.config.columns)

    def inputs(self) -> list[InputFile]:
        """List the tables and the atlas; images of the table are part of the settings."""
        found = table_inputs(self.config, self.table(), full_paths=self.full_paths)
        atlas = (("atlas", self.config.atlas), ("atlas_labels", self.config.atlas_labels))
        return found + [InputFile(r, p, self.full_paths) for r, p in atlas if p is not None]

    def settings(self) -> dict[str, Any]:
        """Return what is asked, and the SHA-256 of the images."""
        asked = self.config.model_dump(mode="json", exclude={*OF_RUN, "atlas", "atlas_labels"})
        return {"asked": asked, "data": data_digests(self.table())}

    def plan(self) -> dict[str, Any]:
        """Return what is asked."""
        return {"config": self.config.model_dump(mode="json", exclude=OF_RUN)}

    def check(self) -> None:
        """Do nothing: the configuration has been judged."""

    def look(self) -> ProbeProgressionSurvey:
        """Pair the visits, read outcomes and headers.

        Raises
        ------
        InputError
            If a visit has no pair, labels lie on another grid than their image, a subject is on
            both sides of a split, or there are too few subjects of a class; naming the row.
        """
        config, whole = self.config, self.table()
        pairs, lacking = pair_visits(whole, config.visits, leave_out=config.unpaired == "leave out")
        rows = with_outcome([pair.row for pair in pairs], config.outcome)
        known = {row.line for row in rows}
        kept = [pair for pair in pairs if pair.baseline.line in known]
        target = target_of(rows, whole, config)
        split = split_of(rows, whole, config)
        if split is not None:
            check_split(split, target, config, whole.name)
        for pair in kept:
            pair.check_side(config.split, whole.what)
            for row in (pair.baseline, pair.follow_up):
                _check_visit(row, whole, config)
        covariates = covariates_of(rows, whole, config.covariates)
        notices = []
        if lacking:
            notices.append(f"{len(lacking)} subjects lack a visit and are left out")
        if len(kept) < len(pairs):
            notices.append(f"{len(pairs) - len(kept)} pairs have no outcome and are left out")
        settings = config.plan(split)
        return ProbeProgressionSurvey(
            self, whole, kept, target, settings, covariates, tuple(notices)
        )


def _check_visit(row: ProbeRow, whole: ProbeTable, config: ProbeProgressionConfig) -> None:
    if config.reference == "visit" or any(f.source == VOLUMES for f in config.features):
        check_row(row, whole, config)
    else:
        row.check_labels(whole.what)
    if row.image.grid().ndim != len(config.shape):
        raise InputError(
            f"{whole.what} {row.line}: {row.image.name} has {row.image.grid().ndim} axes; shape "
            f"{config.shape} has {len(config.shape)}"
        )


@dataclass(frozen=True, eq=False)
class ProbeProgressionSurvey:
    """Pairs of visits that have been looked at."""

    job: ProbeProgressionJob
    table: ProbeTable
    pairs: Sequence[VisitPair]
    target: Target
    settings: ProbeSettings
    covariates: FloatArray
    notices: tuple[str, ...] = ()

    def needs(self) -> Needs:
        """Estimate the memory of a registration; that of a large network is its own."""
        grid = self.pairs[0].baseline.image.grid()
        return Needs(
            _BYTES_A_VOXEL * int(np.prod(grid.shape)), of=self.pairs[0].baseline.image.name
        )

    def open(self) -> ProbeProgressionTask:
        """Open the sources of features and the atlas."""
        config = self.job.config
        opened = open_features(config)
        notices = (*self.notices, *source_notices(opened, config))
        atlas = None
        if config.atlas is not None:
            labels = None
            if config.atlas_labels is not None and config.structures:
                found = open_labels(read_header(config.atlas_labels))
                labels = chosen_structures(found, config.structures)
            elif config.structures:
                raise InputError("structures of an atlas need `atlas_labels`")
            atlas = (rescale_intensity(open_image(read_header(config.atlas))), labels)
        return ProbeProgressionTask(self, opened, atlas, notices=notices)


def probe_progression_again(
    record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path
) -> ProbeProgressionJob:
    """Make the job that a record came from, with another folder.

    Parameters
    ----------
    record
        What `regkit probe progression` wrote.
    inputs
        The tables and the atlas that it names.
    folder
        Where the new job writes.

    Raises
    ------
    InputError
        If the settings are not those of a study, or an image is another one now.
    """
    atlas = {each.role: str(each.path) for each in inputs if each.role.startswith("atlas")}
    asked = {**record, "asked": {**record["asked"], **atlas}}
    config = config_again(asked, inputs, ProbeProgressionConfig)
    job = ProbeProgressionJob(config, folder, full_paths=any(each.full_path for each in inputs))
    refuse_other_images(record, job.table())
    return job
