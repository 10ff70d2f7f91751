"""A motion correction from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from regkit.errors import InputError
from regkit.runs.inputs import InputFile
from regkit.runs.record import reading_of
from regkit.runs.series.job import SeriesJob, make_series_job

_ROLES = {"series", "bvec", "bval"}


def series_again(
    record: Mapping[str, object], inputs: Sequence[InputFile], folder: Path
) -> SeriesJob:
    """Make the motion correction that a record came from, with its outputs in another folder.

    Parameters
    ----------
    record, inputs, folder
        As of :data:`regkit.runs.kinds.Again`.

    Raises
    ------
    InputError
        If its settings are not settings, or its inputs not those of one series.
    """
    found, asked = {each.role: each.path for each in inputs}, record.get("asked")
    if not {"series"} <= set(found) <= _ROLES or not isinstance(asked, dict):
        raise InputError("the record must name one series and its settings; it is damaged")
    return make_series_job(
        found["series"],
        folder,
        options=asked,
        reading=reading_of(record),
        bvec=found.get("bvec"),
        bval=found.get("bval"),
        full_paths=any(each.full_path for each in inputs),
    )
