"""The record of a run: what is needed to tell how a result came about, and to get it again."""

from __future__ import annotations

import json
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io import ReadOptions
from regkit.io.names import display_name
from regkit.io.preflight import check_regular
from regkit.report.versions import versions
from regkit.runs.job import Job, Outcome, Task
from regkit.runs.outputs import Outputs, record_name

_MAX_BYTES = 1 << 24


def make_record(job: Job, task: Task, outcome: Outcome, *, seconds: float) -> dict[str, Any]:
    """Record everything about one run but the SHA-256 of its outputs, as JSON can hold it.

    Parameters
    ----------
    job, task, outcome
        What was run.
    seconds
        Wall time of the work.

    Returns
    -------
    dict
        ``status``, ``kind``, ``versions``, ``machine``, ``inputs`` with their SHA-256, the job's
        settings, ``notices``, ``seconds``, ``peak_memory_mb``, and what the outcome adds. Numbers
        that are not finite become ``None``.
    """
    record: dict[str, Any] = as_json(
        {
            "status": "done",
            "kind": job.kind,
            "versions": versions(),
            "machine": machine(),
            "inputs": [each.as_record() for each in job.inputs()],
            **job.settings(),
            "notices": list(task.notices),
            "seconds": round(seconds, 2),
            "peak_memory_mb": peak_memory_mb(),
            **outcome.entries(seconds),
        }
    )
    return record


def machine() -> dict[str, Any]:
    """Return what of this machine decides the last bits of a result: system, processor, threads.

    Threads are those that a job takes where it is told none.

    Examples
    --------
    >>> list(machine())
    ['system', 'processor', 'threads']
    """
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
    }


def with_outputs(
    record: Mapping[str, Any], outputs: Outputs, staged: Mapping[str, Path]
) -> dict[str, Any]:
    """Add to a record the outputs that are there, and their SHA-256.

    Parameters
    ----------
    staged
        Where each output was written, by name.
    """
    own = record_name(outputs)
    written = [name for name, path in staged.items() if name == own or path.is_file()]
    others = [name for name in written if name != own]
    with ThreadPoolExecutor(2) as pool:
        digests = dict(
            zip(others, pool.map(lambda name: sha256(staged[name]), others), strict=True)
        )
    return {**record, "outputs": outputs.described(written), "sha256": digests}


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """Write a record as JSON."""
    text = json.dumps(record, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_record(path: Path) -> dict[str, Any]:
    """Read what a run wrote about itself.

    Raises
    ------
    InputError
        If it is no record of a run.
    """
    name = display_name(path)
    check_regular(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{name}: is larger than {_MAX_BYTES} bytes; this is no record of a run")
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: is not a record of a run: {error}") from error
    kinds: dict[str, type | tuple[type, ...]] = {
        "inputs": list, "asked": dict, "outputs": (list, dict), "sha256": dict
    }  # fmt: skip
    wrong = [
        key
        for key, kind in kinds.items()
        if not isinstance(loaded, dict) or not isinstance(loaded.get(key), kind)
    ]
    if wrong:
        raise InputError(
            f"{name}: is not a record of a run of this version: it has no {wrong[0]!r}; give the "
            "JSON file that regkit wrote last, such as run.json of `regkit register`"
        )
    return dict(loaded)


def reading_of(record: Mapping[str, Any]) -> ReadOptions:
    """Return how the images of a record were read.

    Raises
    ------
    InputError
        If that is no way of reading.
    """
    known, reading = {each.name for each in fields(ReadOptions)}, record.get("reading")
    if not isinstance(reading, dict) or not set(reading) <= known:
        raise InputError(f"the record may have {', '.join(sorted(known))} under 'reading'")
    return ReadOptions(**reading)


def peak_memory_mb() -> float | None:
    """Return the peak resident size of this process in MB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def as_json(value: Any) -> Any:
    """Turn values into what JSON gives back: tuples are lists, and every number is finite.

    Examples
    --------
    >>> as_json({"spacing": (1.0, float("nan"))})
    {'spacing': [1.0, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(item) for item in value]
    return value
