"""A study of prompt robustness: every model with every case, a table and a report."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from foundation.studies.job import open_with_model
from foundation.studies.label_maps import check_label_maps, maps_of_cases
from foundation.studies.robustness.config import RobustnessConfig
from foundation.studies.robustness.job import RobustnessJob
from foundation.studies.robustness.page import robustness_page
from foundation.studies.rows import (
    STUDY_REPORT,
    gather_cells,
    plan_rows,
    row_name,
    write_study_cells,
)
from regkit.cohort import PairRow, Plan, RowKind
from regkit.io import read_header
from regkit.report import write_page


def plan_robustness(
    file: Path,
    config: RobustnessConfig,
    folder: Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
) -> Plan:
    """Judge a study by the headers of its images, writing nothing.

    Parameters
    ----------
    file
        Where the configuration is from, as messages name it.
    config
        The study.
    folder
        Where results go, each model and case in a folder of its own.
    overwrite, resume
        Whether results may be there already.

    Raises
    ------
    TableError
        With everything that is wrong, each with the number of its case.
    InputError
        If a structure occurs in no label map, or left and right are exchanged in one.
    """
    kind = RowKind(
        "robustness", partial(_make_job, config, resume), required=("image", "labels"),
        options=("model", "case"), open=open_with_model,
    )  # fmt: skip
    rows = list(_rows(config))
    plan = plan_rows(file, kind, rows, folder, overwrite=overwrite, resume=resume)
    check_label_maps(config, maps_of_cases(config), file.name)
    return plan


def finish_robustness(config: RobustnessConfig, plan: Plan) -> tuple[Path, Path]:
    """Write the table of all cells and the report, and return their paths.

    Parameters
    ----------
    config
        The study.
    plan
        Whose rows have ended.
    """
    cells, failed = gather_cells(plan)
    unit = read_header(config.cases[0].image).grid.world.unit
    table = write_study_cells(cells, plan.folder)
    report = write_page(robustness_page(config, cells, unit, failed), plan.folder / STUDY_REPORT)
    return table, report


def _rows(config: RobustnessConfig) -> Iterator[tuple[int, dict[str, Any]]]:
    for model in config.models:
        for number, case in enumerate(config.cases, start=1):
            values = {
                "image": str(case.image), "labels": str(case.labels),
                "options": {"model": model, "case": case.name}, "subject": case.owner,
                "output": row_name(model, case.name),
            }  # fmt: skip
            yield number, values


def _make_job(config: RobustnessConfig, resume: bool, row: PairRow, folder: Path) -> RobustnessJob:
    return RobustnessJob(
        config=config, folder=folder, overwrite=True, resume=resume, **row.options
    )  # fmt: skip
