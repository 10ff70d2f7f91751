"""Rows of pairs: each a registration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from regkit.cohort.kept import RecentCache
from regkit.cohort.kind import OutcomeView, RowKind
from regkit.cohort.outliers import CohortOutliers
from regkit.cohort.reading import READING, split_reading
from regkit.cohort.row import PairRow
from regkit.cohort.shape import affine_shape
from regkit.cohort.thumbnail import thumbnail
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.metrics.affine_part import affine_part
from regkit.registration.config import RegisterConfig, make_config
from regkit.registration.preparation import prepare
from regkit.runs import Outcome, Survey, Task
from regkit.runs.register.job import RegisterJob, RegisterSurvey
from regkit.runs.register.making import RULES, weighing_landmarks
from regkit.runs.register.outcome import RegisterOutcome
from regkit.runs.register.paths import Paths
from regkit.runs.register.task import RegisterTask

_OPTIONS = ("preset", *RegisterConfig.model_fields, *READING)


def make_row_job(row: PairRow, folder: Path) -> RegisterJob:
    """The registration of a row, whose results replace what is there.

    Raises
    ------
    InputError
        If an option is not allowed.
    """
    asked, reading = split_reading(row.options)
    preset = asked.pop("preset", "default")
    init = _init(asked)
    config = make_config(preset, file=_resolved(asked))
    paths = Paths(
        row.file("fixed"),
        row.file("moving"),
        fixed_mask=row.file_or_none("fixed_mask"),
        moving_mask=row.file_or_none("moving_mask"),
        fixed_labels=row.file_or_none("fixed_labels"),
        moving_labels=row.files.get("moving_labels", ()),
        init=init,
        fixed_landmarks=row.file_or_none("fixed_landmarks"),
        moving_landmarks=row.file_or_none("moving_landmarks"),
    )
    config = weighing_landmarks(config, paths, asked)
    return RegisterJob(paths, folder, preset, config, True, reading)


def open_prepared(survey: Survey, kept: RecentCache) -> Task:
    """The task of a registration, with the fixed image prepared once for all that share it."""
    task = cast(RegisterTask, survey.open())
    job, pair = cast(RegisterSurvey, survey).job, task.pair
    files = [job.paths.fixed, *filter(None, [job.paths.fixed_mask])]
    key = (*map(sha256, files), job.reading, job.config.modality, pair.fixed.grid.shape)
    known = kept.get(
        key, lambda: prepare(pair.fixed, mask=pair.fixed_mask, modality=job.config.modality)
    )
    return replace(task, pair=replace(pair, fixed=known.image), prepared=known)


def see(outcome: Outcome) -> OutcomeView:
    """How similar the pair has become, how its affine is shaped, and a picture."""
    result = cast(RegisterOutcome, outcome).result
    grid = result.fixed.grid
    last = [level.values[-1] for stage in result.stages for level in stage.levels if level.values]
    growth = {} if result.quality.evidence is None else {"growth": result.quality.evidence.growth}
    return OutcomeView(
        {**growth, **({"similarity": float(last[-1])} if last else {})},
        f"{result.config.transform} by {result.config.similarity}",
        affine_shape(affine_part(result.transform, grid).matrix),
        thumbnail(result.fixed, result.moving, result.warped),
    )


def _init(asked: dict[str, Any]) -> Path | None:
    """The transform to start from; a rule stays among the options."""
    init = asked.get("init")
    if init is None or init in RULES:
        return None
    del asked["init"]
    path = Path(str(init))
    if not path.is_file():
        raise InputError(f"init {init!r}: is neither one of {', '.join(RULES)} nor a file")
    return path


def _resolved(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Options in which the model is one that is here."""
    if not asked.get("model"):
        return dict(asked)
    from regkit.networks.models import resolve

    return {**asked, "model": resolve(str(asked["model"]))[0]}


REGISTER_ROWS = RowKind(
    "register",
    make_row_job,
    required=("fixed", "moving"),
    optional=(
        "fixed_mask",
        "moving_mask",
        "fixed_labels",
        "moving_labels",
        "fixed_landmarks",
        "moving_landmarks",
    ),
    several=("moving_labels",),
    options=_OPTIONS,
    images=("fixed", "moving"),
    output="moving",
    onto="fixed",
    open=open_prepared,
    see=see,
    outliers={
        "similarity": CohortOutliers(1, 1e-3),
        "folding": CohortOutliers(1, 1e-4),
        "log_jacobian_sd": CohortOutliers(1, 0.01),
        "growth": CohortOutliers(0, 0.01),
        "inverse_consistency_p95": CohortOutliers(1, 0.01),
        "affine_distance": CohortOutliers(1, 0.01),
        "dice_mean": CohortOutliers(-1, 0.005),
    },
)
