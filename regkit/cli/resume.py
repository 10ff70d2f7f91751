"""run.json as a mark: what was finished, and of which run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from regkit.cli.plan import RECORD, Plan
from regkit.cli.record import asked, backbones, fingerprint, sha256
from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.preflight import check_regular

_MAX_BYTES = 1 << 24


def is_finished(plan: Plan) -> bool:
    """Whether the folder of ``plan`` holds its results, whole.

    Raises
    ------
    InputError
        If it holds those of another run.
    """
    path = plan.folder / RECORD
    if not path.exists():
        return False
    record = read_record(path)
    ours = {
        "inputs": [fingerprint(role, given) for role, given in plan.paths.given()],
        "asked": asked(plan),
        "reading": asdict(plan.reading),
        "backbones": backbones(plan),
    }
    record.setdefault("backbones", [])
    record["inputs"] = [without_path(entry) for entry in record["inputs"]]
    other = [name for name, value in ours.items() if record.get(name) != value]
    if other:
        raise InputError(
            f"{RECORD}: is of another run (its {other[0]} differ); choose another folder, or pass "
            "--overwrite"
        )
    return all(
        (plan.folder / name).is_file() and sha256(plan.folder / name) == record["sha256"].get(name)
        for name in plan.outputs
        if name != RECORD
    )


def without_path(entry: Any) -> Any:
    """An input of a record as :func:`regkit.cli.record.fingerprint` gives it."""
    return {k: v for k, v in entry.items() if k != "path"} if isinstance(entry, dict) else entry


def read_record(path: Path) -> dict[str, Any]:
    """What a run wrote about itself.

    Raises
    ------
    InputError
        If it is no record of `regkit register`.
    """
    name = display_name(path)
    check_regular(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{name}: is larger than {_MAX_BYTES} bytes; this is no record of a run")
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: is not a record of a run: {error}") from error
    kinds = {"inputs": list, "asked": dict, "reading": dict, "outputs": list, "sha256": dict}
    wrong = [
        key
        for key, kind in kinds.items()
        if not isinstance(loaded, dict) or not isinstance(loaded.get(key), kind)
    ]
    if wrong:
        raise InputError(
            f"{name}: is not a record of a run of this version: it has no {wrong[0]!r}; give the "
            "run.json of `regkit register`"
        )
    return dict(loaded)
