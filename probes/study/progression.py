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
from probes.study.owners import check_owners
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.progression_task import ProbeProgressionTask
from probes.study.records import config_again, refuse_other_images
from probes.study.seeing import rescale_intensity
from probes.study.sources import open_features, source_notices
from probes.study.table_job import TableJob
from probes.study.visits import VisitPair, pair_visits
from probes.table import ProbeRow, ProbeTable
from regkit.errors import InputError
from regkit.io import open_image, open_labels, read_header
from regkit.runs import InputFile, Needs

_BYTES_A_VOXEL = 200  # two images, a field and what registers them


@dataclass(frozen=True)
class ProbeProgressionJob(TableJob):
    """A run of `regkit probe progression`; see :class:`~probes.study.table_job.TableJob`."""

    kind: ClassVar[str] = "probe-progression"
    further: ClassVar[tuple[str, ...]] = ("atlas", "atlas_labels")

    config: ProbeProgressionConfig

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
        told = [(pair, pair.told(config.outcome, whole.what)) for pair in pairs]
        kept = [pair for pair, row in told if with_outcome([row], config.outcome)]
        rows = with_outcome([row for _, row in told], config.outcome)
        target = target_of(rows, whole, config)
        split = split_of(rows, whole, config)
        if split is not None:
            check_split(split, target, config, whole.name)
        check_owners([row for p in kept for row in (p.baseline, p.follow_up)], whole.what)
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
    """Make the job that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, folder
        As of :data:`regkit.runs.kinds.Again`.
    inputs
        The tables and the atlas that it names.

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
