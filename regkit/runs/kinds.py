"""Kinds of jobs by name, regkit's own and those of other packages, to make one from a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from regkit.errors import InputError
from regkit.plugins import plug_ins
from regkit.runs.inputs import InputFile
from regkit.runs.job import Job
from regkit.settings import near

JOBS_GROUP = "regkit.jobs"
# What pyproject.toml declares too; here so that a checkout that is not installed knows them.
_OWN = (
    EntryPoint("register", "regkit.runs.register.again:register_again", JOBS_GROUP),
    EntryPoint("apply", "regkit.runs.apply:apply_again", JOBS_GROUP),
    EntryPoint("train", "regkit.runs.train:train_again", JOBS_GROUP),
    EntryPoint("transform", "regkit.runs.transform:transform_again", JOBS_GROUP),
    EntryPoint("convert", "regkit.runs.convert:convert_again", JOBS_GROUP),
    EntryPoint("jacobian", "regkit.runs.jacobian:jacobian_again", JOBS_GROUP),
    EntryPoint("points", "regkit.runs.points:points_again", JOBS_GROUP),
    EntryPoint("evaluate", "regkit.runs.evaluate:evaluate_again", JOBS_GROUP),
    EntryPoint("dicom-export", "regkit.runs.dicom_export:dicom_export_again", JOBS_GROUP),
    EntryPoint("scene", "regkit.runs.scenes.again:scene_again", JOBS_GROUP),
    EntryPoint("shift", "regkit.runs.shift:geo_shift_again", JOBS_GROUP),
    EntryPoint("series", "regkit.runs.series.again:series_again", JOBS_GROUP),
    EntryPoint("template", "regkit.cohort.template.job:template_again", JOBS_GROUP),
)
_FIRST = "register"  # whose records did not name their kind
Again = Callable[[Mapping[str, Any], Sequence[InputFile], Path], Job]
"""What an entry point of the group names: a function that makes the job of a record once more.

It is given the record (what a run wrote about itself, as it was read), its inputs (found already,
where they are now, in the order in which the record names them) and the folder into which the
outputs go, single files under the names that they had. It raises `InputError` for a record that it
cannot use.
"""


def kind_of(record: Mapping[str, Any]) -> str:
    """Return the kind of job that a record is of.

    Examples
    --------
    >>> kind_of({"kind": "denoise"}), kind_of({})
    ('denoise', 'register')
    """
    return str(record.get("kind", _FIRST))


def job_again(record: Mapping[str, Any], inputs: Sequence[InputFile], folder: Path) -> Job:
    """Make the job that a record came from, of whatever kind, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`Again`.

    Raises
    ------
    InputError
        If nothing that is installed knows its kind, or the record is damaged.
    """
    found = plug_ins(JOBS_GROUP, _OWN)
    kind = kind_of(record)
    if kind not in found:
        raise InputError(
            f"the record is of a run of {kind!r:.40}, which nothing here knows{near(kind, found)}"
        )
    again: Again = found[kind].load()
    return again(record, inputs, folder)
