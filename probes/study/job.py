"""ProbeJob: judge what linear probes can tell of a table of images, as a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from probes.features import PooledStore
from probes.linear import Target
from probes.linear.folds import given_folds
from probes.linear.nested import ProbeSettings
from probes.study.blocks import (
    FeatureBlock,
    OpenedFeatures,
    chosen_structures,
    stacked_columns,
    structure_volumes,
)
from probes.study.config import COVARIATES, OF_NUMBERS, ProbeConfig
from probes.study.judging import ProbeFindings, judge_blocks
from probes.study.outcomes import covariates_of, split_of, target_of, with_outcome
from probes.study.page import probe_page
from probes.study.seeing import scaled_image, shown_on_shape
from probes.study.tables import (
    PAGE,
    PREDICTIONS,
    RESULTS,
    prediction_rows,
    result_rows,
    write_long_table,
)
from probes.table import ProbeRow, ProbeTable, read_study_table
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.features import FeatureCache
from regkit.io import open_labels, read_header
from regkit.report import Page
from regkit.runs import RECORD, Folder, InputFile, Needs, OnProgress, Progress
from regkit.settings import validate

OF_RUN = {"cache", "table"}
"""Settings that decide no result: where things lie."""
_BYTES = 1 << 29  # the features of a small study, and a small network
_FEATURES, _PROBES = 0.7, 0.3  # shares of the time
_CACHE_BYTES = 16 << 30


@dataclass(frozen=True)
class ProbeJob:
    """A run of `regkit probe run`.

    Parameters
    ----------
    config
        The study.
    folder
        Where results go.
    overwrite, full_paths
        As in every job.
    """

    kind: ClassVar[str] = "probe"

    config: ProbeConfig
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
        """List the tables; the images that they name are part of the settings."""
        return table_inputs(self.config, self.table(), full_paths=self.full_paths)

    def settings(self) -> dict[str, Any]:
        """Return what is asked, and the SHA-256 of the images."""
        asked = self.config.model_dump(mode="json", exclude=OF_RUN)
        return {"asked": asked, "data": data_digests(self.table())}

    def plan(self) -> dict[str, Any]:
        """Return what is asked."""
        return {"config": self.config.model_dump(mode="json", exclude=OF_RUN)}

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
        for row in rows:
            check_row(row, table, self.config)
        covariates = covariates_of(rows, table, self.config.covariates)
        settings = self.config.plan(split)
        left_out = len(table.rows) - len(rows)
        notices = (f"{left_out} of {len(table.rows)} rows have no outcome and are left out",)
        return ProbeSurvey(
            self, table, rows, target, settings, {COVARIATES: covariates},
            notices if left_out else (),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ProbeSurvey:
    """A table whose rows have been looked at."""

    job: ProbeJob
    table: ProbeTable
    rows: Sequence[ProbeRow]
    target: Target
    settings: ProbeSettings
    numbers: Mapping[str, Any]
    notices: tuple[str, ...] = ()

    def needs(self) -> Needs:
        """Estimate the memory; that of a large network is its own."""
        return Needs(_BYTES, of=self.table.name)

    def open(self) -> ProbeTask:
        """Open the sources of features."""
        opened = open_features(self.job.config)
        random = [each.choice.title for each in opened if not each.extractor.trained]
        notices = [f"{name}: its weights are random; it is a baseline" for name in random]
        if self.job.config.cache is None:
            notices.append("no cache is named, so that features are made anew; name one as `cache`")
        return ProbeTask(self, opened, notices=(*self.notices, *notices))


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
        return ProbeOutcome(config, findings, [row.line for row in survey.rows], self.notices)

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
    labels = None
    if config.structures and row.labels is not None:
        labels = chosen_structures(open_labels(read_header(row.labels)), config.structures)
    found: dict[str, Any] = {}
    for choice in config.features:
        if choice.source not in (*OF_NUMBERS,) or labels is None:
            continue
        if choice.source != COVARIATES:
            found[choice.title] = {("volumes", ""): structure_volumes(labels, config.structures)}
    if opened:
        image, structures = shown_on_shape(scaled_image(row.image.open()), labels, config.shape)
        for each in opened:
            found[each.choice.title] = each.vectors([image], structures, store)
    return found


@dataclass(frozen=True, eq=False)
class ProbeOutcome:
    """What was found."""

    config: ProbeConfig
    findings: ProbeFindings
    lines: Sequence[int]
    notices: Sequence[str] = ()

    def entries(self, seconds: float) -> dict[str, Any]:
        """Return the headline of each probe, for the record."""
        return {"probes": headlines(self.findings)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write the long table and the predictions."""
        write_long_table(result_rows(self.config, self.findings), places[RESULTS])
        write_long_table(prediction_rows(self.findings, self.lines), places[PREDICTIONS])

    def page(self) -> Page:
        """Make the report."""
        return probe_page(self.config, self.findings)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what the report says first, and a line for each probe."""
        return summary_lines(self.page(), record)


def table_inputs(config: ProbeConfig, table: ProbeTable, *, full_paths: bool) -> list[InputFile]:
    """List the tables of a study by their place below the folder that was named.

    Parameters
    ----------
    config
        Whose table is a file or a folder.
    table
        What was read of it.
    full_paths
        Whether folders may be shown.
    """
    root = config.table
    return [
        InputFile(
            "table" if path == root else f"table:{path.relative_to(root).as_posix()}",
            path, full_paths,
        )
        for path in table.files
    ]  # fmt: skip


def data_digests(table: ProbeTable) -> list[dict[str, str]]:
    """List the base name and the SHA-256 of every image and label map."""
    return [{"file": path.name, "sha256": sha256(path)} for path in table.images()]


def check_row(row: ProbeRow, table: ProbeTable, config: ProbeConfig) -> None:
    """Refuse a row whose structures are needed and are not there, or lie elsewhere.

    Parameters
    ----------
    row
        Of the table.
    table
        Which messages name.
    config
        Which structures are wanted.

    Raises
    ------
    InputError
        Naming the row.
    """
    if config.structures and row.labels is None:
        raise InputError(
            f"{table.what} {row.line}: has no label map, which `structures` are taken from; fill "
            f"the column {config.columns.labels!r}"
        )
    row.check_labels(table.what)


def check_split(split: Sequence[str], target: Target, config: ProbeConfig, what: str) -> None:
    """Refuse a split with a subject on both sides, or sides that no probe can use.

    Parameters
    ----------
    split
        ``train`` or ``test`` for each row.
    target
        Of the same rows.
    config
        How many inner folds there are.
    what
        What messages begin with.

    Raises
    ------
    InputError
        Naming the subject, or the class.
    """
    try:
        fold = given_folds(split, target.subjects)
    except InputError as error:
        raise InputError(f"{what}: {error}") from None
    target.rows(fold.train).check_folds(config.inner_folds, f"{what}, train")
    if target.kind == "class" and len(set(target.truth[fold.test])) < 2:
        raise InputError(f"{what}, test: has one class alone; a probe is judged by both")


def open_features(config: ProbeConfig) -> list[OpenedFeatures]:
    """Open every source of maps."""
    return [OpenedFeatures.of(each) for each in config.features if each.source not in OF_NUMBERS]


def store_of(config: ProbeConfig) -> PooledStore:
    """Return the store of what was pooled before."""
    return PooledStore(None if config.cache is None else FeatureCache(config.cache, _CACHE_BYTES))


def first_against_rest(count: int) -> list[tuple[int, int]]:
    """List each block but the first against the first."""
    return [(number, 0) for number in range(1, count)]


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


def probe_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> ProbeJob:
    """Make the job that a record came from, with another folder.

    Parameters
    ----------
    record
        What `regkit probe run` wrote.
    inputs
        The tables that it names; images are looked for where these tables name them.
    folder
        Where the new job writes.

    Raises
    ------
    InputError
        If the settings are not those of a study, or an image is another one now.
    """
    config = config_again(record, inputs, ProbeConfig)
    job = ProbeJob(config, folder, full_paths=any(each.full_path for each in inputs))
    refuse_other_images(record, job.table())
    return job


def config_again(record: Mapping[str, Any], inputs: Sequence[InputFile], model: type[Any]) -> Any:
    """Return the configuration of a record, with its table where it is now.

    Parameters
    ----------
    record
        Of a study by probes.
    inputs
        Its tables.
    model
        Which configuration it is.

    Raises
    ------
    InputError
        If it is none, or names no table.
    """
    first = next((each for each in inputs if each.role.partition(":")[0] == "table"), None)
    if first is None:
        raise InputError("the record must name a table; it is damaged")
    inner = first.role.partition(":")[2]
    root = first.path if not inner else first.path.parents[inner.count("/")]
    return validate(model, {**record["asked"], "table": str(root)}, "the record")


def refuse_other_images(record: Mapping[str, Any], table: ProbeTable) -> None:
    """Refuse images that are not those of a record.

    Parameters
    ----------
    record
        Of a study by probes.
    table
        What its table names now.

    Raises
    ------
    InputError
        If they are others, or not as many.
    """
    if record.get("data") != data_digests(table):
        raise InputError(
            f"{table.name}: its images are not those of the run (their SHA-256 differ); give the "
            "folder of the run with --data"
        )
