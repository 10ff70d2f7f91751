"""`regkit rerun`: a run again, and whether it gives the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regkit.cli.options import Debug, Quiet
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.cli.plan import Paths, Plan

DIFFERS = 3
# It tells the time that a run took.
_NEVER_THE_SAME = "report.html"
_ROLES = {"fixed", "moving", "fixed_mask", "moving_mask", "fixed_labels", "init", "moving_labels"}


def rerun(
    record: Annotated[
        Path, typer.Argument(metavar="RUN.JSON", help="What `regkit register` wrote last.")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Folder to look for the inputs in; repeatable (default: near RUN.JSON)"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to keep the new results in (default: none)"),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Repeat the run of RUN.JSON and say whether the result is identical.

    Inputs are known by name and SHA-256. The exit code is 0 if every file is the same to the last
    bit, and 3 if one is not.
    """
    from regkit.cli.headers import read_headers
    from regkit.cli.pair import open_pair
    from regkit.cli.plan import check_plan
    from regkit.cli.record import versions
    from regkit.cli.resume import read_record
    from regkit.cli.room import check_room
    from regkit.cli.run import run

    before = read_record(record)
    around = [record.parent, record.absolute().parent.parent, Path()]
    paths = found_inputs(before, [*(data or ()), *around])
    with _folder(output) as folder:
        plan = as_plan(before, paths, folder)
        check_plan(plan)
        headers = read_headers(plan)
        check_room(plan, headers)
        after = run(plan, open_pair(plan, headers), quiet=quiet).record
    differing = [
        name for name in _compared(before) if before["sha256"][name] != after["sha256"].get(name)
    ]
    for name in _compared(before):
        typer.echo(f"{'differs' if name in differing else 'identical':<11}{name}")
    if not differing:
        typer.echo("the result is identical")
        return
    typer.echo(f"the result differs{changed(before.get('versions'), versions())}")
    raise typer.Exit(DIFFERS)


def found_inputs(record: Mapping[str, Any], folders: list[Path]) -> Paths:
    """The files that a record names, known by their SHA-256.

    Raises
    ------
    InputError
        If one is in none of the folders, or is another one now.
    """
    from regkit.cli.plan import Paths

    found: dict[str, list[Path]] = {}
    for entry in record["inputs"]:
        role, path = _input(entry, folders)
        found.setdefault(role, []).append(path)
    labels = tuple(found.pop("moving_labels", ()))
    if not {"fixed", "moving"} <= set(found) or any(len(each) > 1 for each in found.values()):
        raise InputError("the record must name one fixed and one moving image; it is damaged")
    return Paths(**{role: each[0] for role, each in found.items()}, moving_labels=labels)


def as_plan(record: Mapping[str, Any], paths: Paths, folder: Path) -> Plan:
    """The plan that a record came from, with another folder.

    Raises
    ------
    InputError
        If its settings are not settings.
    """
    from regkit.cli.plan import Plan
    from regkit.io import ReadOptions
    from regkit.registration.config import make_config

    known, reading = {each.name for each in fields(ReadOptions)}, record["reading"]
    if not set(reading) <= known:
        raise InputError(f"the record may have {', '.join(sorted(known))} under 'reading'")
    config = make_config(file=record["asked"])
    shown = any("path" in entry for entry in record["inputs"])
    return Plan(
        paths, folder, str(record.get("preset")), config, False, ReadOptions(**reading), shown
    )


def changed(before: object, now: Mapping[str, str]) -> str:
    """Which versions are others than at the time of a record.

    Examples
    --------
    >>> changed({"torch": "2.10"}, {"torch": "2.11"})
    '; torch was 2.10 and is 2.11'
    """
    old = before if isinstance(before, dict) else {}
    other = [
        f"{name} was {old.get(name)} and is {v}" for name, v in now.items() if old.get(name) != v
    ]
    return f"; {', '.join(other)}" if other else "; all versions are the same"


def _compared(record: Mapping[str, Any]) -> list[str]:
    return [name for name in record["sha256"] if name != _NEVER_THE_SAME]


def _input(entry: Any, folders: list[Path]) -> tuple[str, Path]:
    from regkit.cli.record import sha256
    from regkit.io.names import display_name

    known = isinstance(entry, dict) and entry.get("role") in _ROLES
    name = entry.get("file") if known else None
    # A record may come from a stranger: what it names is looked for, never where it says.
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise InputError("the record names an input that is no base name of a file; it is damaged")
    there = [folder / name for folder in folders if (folder / name).is_file()]
    for path in there:
        if sha256(path) == entry.get("sha256"):
            return entry["role"], path
    state = "is another file now (its SHA-256 differs)" if there else "is not here"
    raise InputError(
        f"{display_name(name)}: the {entry['role']} of this run {state}; name the folder that "
        "it is in with --data"
    )


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    if output is not None:
        yield output
        return
    with tempfile.TemporaryDirectory(prefix="regkit-rerun-") as scratch:
        yield Path(scratch)
