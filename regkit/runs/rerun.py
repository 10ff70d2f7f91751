"""A run again: its inputs by their SHA-256, and what of its outputs is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.runs.inputs import InputFile
from regkit.runs.outputs import is_report


def find_inputs(record: Mapping[str, Any], folders: Sequence[Path]) -> list[InputFile]:
    """Find the files that a record names, known by their SHA-256.

    A record may come from a stranger: what it names is looked for in ``folders``, never where it
    says.

    Raises
    ------
    InputError
        If some are in none of the folders, or are other ones now; it names all of them.
    """
    found = [_input(entry, folders) for entry in record["inputs"]]
    missing = [each for each in found if isinstance(each, str)]
    if missing:
        they = "it is" if len(missing) == 1 else "they are"
        raise InputError(f"{'; '.join(missing)}; name the folder that {they} in with --data")
    return [each for each in found if isinstance(each, InputFile)]


def folders_around(record: Path, given: Sequence[Path]) -> list[Path]:
    """List where the inputs of a run are looked for: where the user says, then near its record."""
    return [*given, record.parent, record.absolute().parent.parent, Path()]


def reproducible_outputs(record: Mapping[str, Any]) -> list[str]:
    """List the outputs of a run that another one must give to the last bit."""
    # A report tells the time that its run took.
    return [name for name in record["sha256"] if not is_report(name)]


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """List the reproducible outputs that differ between the records of two runs."""
    old, new = before["sha256"], after["sha256"]
    return [name for name in reproducible_outputs(before) if old[name] != new.get(name)]


def what_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say what else differs between the records of two runs: versions, the machine, its threads.

    Examples
    --------
    >>> before = {"versions": {"torch": "2.10"}, "machine": {"threads": 1}}
    >>> what_changed(before, {"versions": {"torch": "2.10"}, "machine": {"threads": 2}})
    'threads: 1 before, 2 now'
    >>> what_changed(before, before)
    'all versions are the same, and the machine'
    """
    old, new = _surroundings(before), _surroundings(after)
    other = [
        f"{name}: {old.get(name)} before, {value} now"
        for name, value in new.items()
        if old.get(name) != value
    ]
    return ", ".join(other) or "all versions are the same, and the machine"


def _surroundings(record: Mapping[str, Any]) -> dict[str, Any]:
    parts = [record.get(key) for key in ("versions", "machine")]
    return {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}


def _input(entry: Any, folders: Sequence[Path]) -> InputFile | str:
    """An input where it is now, or what to say of one that is not there."""
    known = isinstance(entry, dict) and isinstance(entry.get("role"), str)
    name = entry.get("file") if known else None
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise InputError("the record names an input that is no base name of a file; it is damaged")
    there = [folder / name for folder in folders if (folder / name).exists()]
    for path in there:
        if sha256(path) == entry.get("sha256"):
            return InputFile(entry["role"], path, full_path="path" in entry)
    state = "is another file now (its SHA-256 differs)" if there else "is not here"
    return f"{display_name(name)}: the {entry['role']} of this run {state}"
