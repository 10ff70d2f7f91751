"""ProbeProgressionJob: whether features of two visits tell an outcome, aligned or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from probes.linear import Target
from probes.linear.nested import ProbeSettings
from probes.linear.target import FloatArray
from probes.study.arms import ArmName, Registrar, seen_through, structure_box, tilted_grid
from probes.study.blocks import (
    Column,
    FeatureBlock,
    OpenedFeatures,
    chosen_structures,
    stacked_columns,
    structure_volumes,
)
from probes.study.config import OF_NUMBERS, VOLUMES
from probes.study.job import (
    OF_RUN,
    check_row,
    config_again,
    data_digests,
    headlines,
    open_features,
    refuse_other_images,
    store_of,
    summary_lines,
    table_inputs,
)
from probes.study.judging import JudgedBlock, ProbeFindings, judge_blocks
from probes.study.outcomes import covariates_of, split_of, target_of, with_outcome
from probes.study.page import probe_page
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.projection import (
    Accumulated,
    ProjectedWeights,
    contrast_of,
    linear_column,
    projection_pictures,
    spread_weights,
)
from probes.study.seeing import scaled_image
from probes.study.tables import (
    PAGE,
    PREDICTIONS,
    RESULTS,
    prediction_rows,
    result_rows,
    write_long_table,
)
from probes.study.visits import VisitPair, pair_visits
from probes.table import ProbeRow, ProbeTable, read_study_table
from regkit.errors import InputError
from regkit.io import open_image, open_labels, read_header
from regkit.report import Page, Section, figure, hint, table
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.volume import Labels, Volume

_FEATURES, _PROBES = 0.7, 0.9  # shares of the time, each up to here
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
            If a visit has no pair, labels lie on another grid than their image, or there are too
            few subjects of a class; naming the row.
        """
        config, whole = self.config, self.table()
        pairs, lacking = pair_visits(whole, config.visits, leave_out=config.unpaired == "leave out")
        rows = with_outcome([pair.row for pair in pairs], config.outcome)
        known = {row.line for row in rows}
        kept = [pair for pair in pairs if pair.baseline.line in known]
        target = target_of(rows, whole, config)
        for pair in kept:
            for row in (pair.baseline, pair.follow_up):
                _check_visit(row, whole, config)
        covariates = covariates_of(rows, whole, config.covariates)
        notices = []
        if lacking:
            notices.append(f"{len(lacking)} subjects lack a visit and are left out")
        if len(kept) < len(pairs):
            notices.append(f"{len(pairs) - len(kept)} pairs have no outcome and are left out")
        settings = config.plan(split_of(rows, whole, config))
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
        random = [each.choice.title for each in opened if not each.extractor.trained]
        notices = [f"{name}: its weights are random; it is a baseline" for name in random]
        if config.cache is None:
            notices.append("no cache is named, so that features are made anew; name one as `cache`")
        atlas = None
        if config.atlas is not None:
            labels = None
            if config.atlas_labels is not None and config.structures:
                found = open_labels(read_header(config.atlas_labels))
                labels = chosen_structures(found, config.structures)
            elif config.structures:
                raise InputError("structures of an atlas need `atlas_labels`")
            atlas = (scaled_image(open_image(read_header(config.atlas))), labels)
        return ProbeProgressionTask(self, opened, atlas, notices=(*self.notices, *notices))


@dataclass(frozen=True, eq=False)
class AlignedPair:
    """Two visits in one arm.

    Parameters
    ----------
    images
        Baseline and follow-up, ``(1, *shape)`` in [0, 1], on one working grid.
    structures
        Of the reference, in its world.
    """

    images: tuple[Volume, Volume]
    structures: Labels | None


@dataclass(frozen=True, eq=False)
class ProbeProgressionTask:
    """Pairs and sources of features that are ready."""

    survey: ProbeProgressionSurvey
    opened: Sequence[OpenedFeatures]
    atlas: tuple[Volume, Labels | None] | None
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ProbeProgressionOutcome:
        """Align, make features, judge them, and look at what the probes look at."""
        survey, config = self.survey, self.survey.job.config
        registrar = Registrar(
            config.registration, None if config.cache is None else config.cache / "transforms"
        )
        blocks = self._blocks(registrar, on_progress)
        for each in blocks:
            each.check(survey.table.name)
        findings = judge_blocks(
            blocks, survey.target, config, survey.settings, compared_arms(blocks),
            lambda s: on_progress(Progress("probes", _FEATURES + (_PROBES - _FEATURES) * s)),
        )  # fmt: skip
        verdicts = {arm: list(found) for arm, found in registrar.verdicts.items()}
        projected = self._projected(findings, registrar) if config.maps else []
        lines = [pair.baseline.line for pair in survey.pairs]
        return ProbeProgressionOutcome(config, findings, lines, verdicts, projected)

    def aligned(self, pair: VisitPair, arm: ArmName, registrar: Registrar) -> AlignedPair:
        """Bring two visits to one working grid, each image sampled once.

        Parameters
        ----------
        pair
            The visits.
        arm
            How far they are aligned.
        registrar
            What finds transforms.
        """
        config = self.survey.job.config
        visits = [scaled_image(each.image.open()) for each in (pair.baseline, pair.follow_up)]
        reference, structures = self.atlas or (visits[0], _structures(pair.baseline, config))
        box = reference.grid
        if config.crop and structures is not None:
            box = structure_box(structures, config.crop_margin)
        onto = tilted_grid(box, tuple(config.shape))
        images = [
            seen_through(each, registrar.find(arm, reference, each), onto)
            if each is not reference
            else seen_through(each, registrar.find("unaligned", reference, each), onto)
            for each in visits
        ]
        return AlignedPair((images[0], images[1]), structures)

    def _blocks(self, registrar: Registrar, on_progress: OnProgress) -> list[FeatureBlock]:
        survey, config = self.survey, self.survey.job.config
        store, done = store_of(config), 0
        found: dict[tuple[str, str], list[Mapping[Column, FloatArray]]] = {}
        total = len(survey.pairs) * len(config.arms)
        for pair in survey.pairs:
            for arm in config.arms if self.opened else ():
                aligned = self.aligned(pair, arm, registrar)
                for each in self.opened:
                    combine = partial(each.vectors, structures=aligned.structures, store=store)
                    vectors = combine_visits(each, aligned, combine, config)
                    found.setdefault((each.choice.title, arm), []).append(vectors)
                done += 1
                on_progress(Progress("features", _FEATURES * done / total))
        return [*self._number_blocks(), *self._map_blocks(found)]

    def _map_blocks(
        self, found: Mapping[tuple[str, str], Sequence[Mapping[Column, FloatArray]]]
    ) -> list[FeatureBlock]:
        config = self.survey.job.config
        return [
            FeatureBlock(arm, each.choice.title, each.choice.baseline,
                         stacked_columns(found[each.choice.title, arm]))
            for each in self.opened
            for arm in config.arms
        ]  # fmt: skip

    def _number_blocks(self) -> list[FeatureBlock]:
        survey, config, blocks = self.survey, self.survey.job.config, []
        for choice in config.features:
            if choice.source not in OF_NUMBERS:
                continue
            values = survey.covariates
            if choice.source == VOLUMES:
                values = np.stack([_volumes(pair, config) for pair in survey.pairs])
            blocks.append(FeatureBlock("", choice.title, True, {(choice.source, ""): values}))
        return blocks

    def _projected(self, findings: ProbeFindings, registrar: Registrar) -> list[ProjectedWeights]:
        arm = self.survey.job.config.arms[-1]
        found = []
        for judged in findings.judged:
            source = next((o for o in self.opened if o.choice.title == judged.block.features), None)
            column = None if source is None else linear_column(judged)
            if source is not None and column is not None and judged.block.arm == arm:
                found.append(self._projection(judged, source, column, registrar))
        return found

    def _projection(
        self, judged: JudgedBlock, source: OpenedFeatures, column: Column, registrar: Registrar
    ) -> ProjectedWeights:
        config, target = self.survey.job.config, self.survey.target
        some = np.linspace(0, len(target) - 1, min(len(target), config.map_subjects)).astype(int)
        rows = np.unique(some)
        contrast = contrast_of(target.rows(rows))
        weights, sums = judged.fits[column].weights, Accumulated()
        grid = None
        for n, weight in zip(rows, contrast, strict=True):
            aligned = self.aligned(self.survey.pairs[n], config.arms[-1], registrar)
            shares = _shares(aligned, source, column, weights, config)
            grid = (shares.grid, aligned.images[0].grid) if grid is None else grid
            sums.add(shares.data, aligned.images[0].data, float(weight), len(rows))
        assert grid is not None and sums.shares is not None and sums.image is not None  # noqa: S101, PT018
        title = f"{judged.title}, {', '.join(column)}"
        return ProjectedWeights(title, Volume(sums.shares, grid[0]), Volume(sums.image, grid[1]))


def combine_visits(
    source: OpenedFeatures, aligned: AlignedPair, vectors: Any, config: ProbeProgressionConfig
) -> dict[Column, FloatArray]:
    """Return the numbers of a pair: those of a network that sees both, or of two visits combined.

    Parameters
    ----------
    source
        Of features.
    aligned
        The pair.
    vectors
        Images to numbers by layer and pooling.
    config
        How those of two visits are combined.
    """
    if source.extractor.images == 2:
        found: dict[Column, FloatArray] = vectors(list(aligned.images))
        return found
    first, second = (vectors([image]) for image in aligned.images)
    return {key: _combination(first[key], second[key], config.combine) for key in first}


def _combination(first: FloatArray, second: FloatArray, how: str) -> FloatArray:
    return {
        "difference": second - first, "baseline": first, "follow-up": second,
        "both": np.concatenate([first, second]),
    }[how]  # fmt: skip


def _shares(
    aligned: AlignedPair, source: OpenedFeatures, column: Column, weights: FloatArray,
    config: ProbeProgressionConfig,
) -> Volume:  # fmt: skip
    layer, pooling = column
    with torch.no_grad():
        if source.extractor.images == 2:
            maps = source.extractor.maps(list(aligned.images))[layer]
            return spread_weights(maps, aligned.structures, pooling, weights)
        spread = [
            spread_weights(source.extractor.maps([image])[layer], aligned.structures, pooling, own)
            for image, own in zip(aligned.images, _by_visit(weights, config.combine), strict=True)
            if own is not None
        ]
    return spread[0].with_data(torch.stack([each.data for each in spread]).sum(0))


def _by_visit(weights: FloatArray, how: str) -> tuple[FloatArray | None, FloatArray | None]:
    """What the numbers of each visit are weighed by in the score of their combination."""
    if how == "both":
        first, second = np.split(weights, 2)
        return first, second
    return (
        {"difference": -weights, "baseline": weights}.get(how),
        {"difference": weights, "follow-up": weights}.get(how),
    )


def _structures(row: ProbeRow, config: ProbeProgressionConfig) -> Labels | None:
    if not config.structures:
        return None
    return chosen_structures(row.open_labels(), config.structures)


def _volumes(pair: VisitPair, config: ProbeProgressionConfig) -> FloatArray:
    first, second = (
        structure_volumes(row.open_labels(), config.structures)
        for row in (pair.baseline, pair.follow_up)
    )
    return _combination(first, second, config.combine)


def compared_arms(blocks: Sequence[FeatureBlock]) -> list[tuple[int, int]]:
    """List what is compared: aligned arms with the unaligned one, and models with intensities.

    Parameters
    ----------
    blocks
        Their numbers are listed, the first minus the second.
    """
    number = {(each.features, each.arm): n for n, each in enumerate(blocks)}
    found = []
    for n, each in enumerate(blocks):
        plain = number.get((each.features, "unaligned"))
        if each.arm not in ("", "unaligned") and plain is not None:
            found.append((n, plain))
    baselines = [each.features for each in blocks if each.baseline and each.arm]
    for n, each in enumerate(blocks):
        if not each.baseline and baselines:
            found.append((n, number[baselines[0], each.arm]))
    return found


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
        return probe_page(self.config, self.findings, [*self._maps(), self._registrations()])

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

    def _maps(self) -> list[Section]:
        if not self.projected:
            return []
        text = (
            f"Weights of the probe, spread over the map that they are weights of, in the arm "
            f"{self.config.arms[-1]}: red raises the score of subjects with more of the outcome "
            "over that of the others, blue lowers it. Lines are of the mean image. Weights of a "
            "linear model are not importances: correlated features share them."
        )
        pictures = [figure(each, title) for title, each in projection_pictures(self.projected)]
        return [Section("What the probes look at", [hint(text), *pictures])]


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
