"""The record as a mark: what was finished, and of which run."""

from __future__ import annotations

from typing import Any

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io.atomic import remove_abandoned
from regkit.io.names import display_name
from regkit.runs.inputs import fingerprint
from regkit.runs.job import Job
from regkit.runs.kinds import kind_of
from regkit.runs.record import as_json, read_record


def is_finished(job: Job) -> bool:
    """Tell whether the outputs of ``job`` are there, whole.

    What killed runs have left half-written beside them is removed.

    Raises
    ------
    InputError
        If they are those of another run, or the job leaves no record.
    """
    path = job.outputs.record
    if path is None:
        raise InputError(f"{job.kind}: leaves no record, by which a run could be resumed")
    for folder in {place.parent for place in job.outputs.places().values()}:
        remove_abandoned(folder)
    if not path.exists():
        return False
    record = read_record(path)
    other = _differing(job, record)
    if other:
        raise InputError(
            f"{display_name(path)}: is of another run (its {other} differ); choose another folder, "
            "or pass --overwrite"
        )
    return _is_whole(job, record)


def _differing(job: Job, record: dict[str, Any]) -> str | None:
    """The first thing that decides the result and is another one in a record."""
    ours = {
        "kind": job.kind,
        "inputs": [fingerprint(each.role, each.path) for each in job.inputs()],
        **as_json(job.settings()),
    }
    theirs = record | {
        "kind": kind_of(record),
        "inputs": [without_path(entry) for entry in record["inputs"]],
    }
    # Records of earlier versions lack what is empty in most runs.
    other = [name for name, value in ours.items() if theirs.get(name, type(value)()) != value]
    return other[0] if other else None


def _is_whole(job: Job, record: dict[str, Any]) -> bool:
    digests, own = record["sha256"], job.outputs.record
    return all(
        name in digests and place.is_file() and sha256(place) == digests[name]
        for name, place in job.outputs.places().items()
        if place != own
    )


def without_path(entry: Any) -> Any:
    """Return an input of a record as :func:`regkit.runs.inputs.fingerprint` gives it."""
    return {k: v for k, v in entry.items() if k != "path"} if isinstance(entry, dict) else entry
