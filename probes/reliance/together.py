"""One page of several runs, from their tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from probes.reliance.job import stored_tables
from probes.reliance.page import reliance_page
from probes.reliance.skill import TaskKind
from probes.reliance.study import RelianceTables
from regkit.errors import InputError
from regkit.report import write_page
from regkit.runs import RECORD


def write_together(folders: Sequence[Path], page: Path, title: str) -> Path:
    """Write one report of several runs.

    Parameters
    ----------
    folders
        Their results.
    page
        The HTML file to write.
    title
        Of the page.

    Raises
    ------
    InputError
        If a folder holds no such results, or the runs have different tasks, or the same model on
        the same data set.
    """
    asked = [_asked(folder) for folder in folders]
    tasks = list(dict.fromkeys((each["task"], each["level"]) for each in asked))
    if len(tasks) > 1:
        said = ", ".join(f"{task} at {level:g}" for task, level in tasks)
        raise InputError(
            f"runs of different tasks or levels ({said}) make no page; take some apart"
        )
    task, level = tasks[0]
    tables = [stored_tables(folder) for folder in folders]
    _check_apart(folders, tables)
    together = RelianceTables(
        *([row for each in tables for row in getattr(each, field.name)]
          for field in fields(RelianceTables))
    )  # fmt: skip
    return write_page(reliance_page(title, together, cast(TaskKind, task), level), page)


def _check_apart(folders: Sequence[Path], tables: Sequence[RelianceTables]) -> None:
    """Levels of two runs of one model on one data set would be taken for those of one study."""
    homes: dict[tuple[str, str], str] = {}
    for folder, each in zip(folders, tables, strict=True):
        for pair in {(row.data, row.model) for row in each.skills}:
            other = homes.setdefault(pair, folder.name)
            if other != folder.name:
                raise InputError(
                    f"{folder.name}: has the model {pair[1]} on {pair[0]}, and so has {other}; "
                    "leave one of them out, or run it with another name of the model or data set"
                )


def _asked(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {"task": record["asked"]["task"], "level": float(record["asked"]["level"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder.name}: holds no results of `regkit reliance run`") from error
