"""The section that every report ends with: inputs, settings and versions of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from regkit import __version__
from regkit.report.parts import Section, details, pairs, table
from regkit.report.values import flat, plain
from regkit.report.versions import versions

# Entries of a record that a reader looks for, and what the report calls them.
_FACTS = {"preset": "Preset", "seed": "Seed", "device": "Device"}
_DIGITS = 12


def run_section(record: Mapping[str, Any], settings: Mapping[str, Any]) -> Section:
    """List what a run read, how long it took, and all of its settings.

    Parameters
    ----------
    record
        That of the run; empty for a result that was not saved by one.
    settings
        Those of the product; without them, what the record says was asked for.
    """
    chosen = settings or record.get("config") or record.get("asked", {})
    parts = [_inputs(record.get("inputs", ())), _pairs(_facts(record))]
    parts += [
        _folded("Configuration", flat(chosen)),
        _folded("Versions", flat(record.get("versions") or versions())),
    ]
    return Section("The run", [part for part in parts if part])


def software() -> str:
    """Say how regkit itself is cited."""
    return f"regkit, version {__version__} (Apache-2.0)."


def _inputs(inputs: Sequence[Mapping[str, str]]) -> Markup:
    """A table of the files; the path of one is shown where whoever made the run asked for it."""
    rows = [
        (each["role"].replace("_", " "), each.get("path", each["file"]), each["sha256"][:_DIGITS])
        for each in inputs
    ]
    columns = ("Input", "File", f"SHA-256, first {_DIGITS} digits")
    return table(columns, rows) if rows else Markup()


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = [(name, record.get(key)) for key, name in _FACTS.items()]
    rows = [(name, plain(value)) for name, value in known if value is not None]
    memory = record.get("peak_memory_mb")
    measured = [] if memory is None else [("Peak memory", f"{memory:.0f} MB")]
    return [*rows, *_times(record.get("seconds")), *measured]


def _times(seconds: float | Mapping[str, float] | None) -> list[tuple[str, str]]:
    """The time of the whole run, or of each of its phases."""
    if isinstance(seconds, Mapping):
        return [(f"Time for {phase}", f"{value:.1f} s") for phase, value in seconds.items()]
    return [] if seconds is None else [("Total time", f"{seconds:.1f} s")]


def _pairs(rows: list[tuple[str, str]]) -> Markup:
    return pairs(rows) if rows else Markup()


def _folded(title: str, rows: list[tuple[str, str]]) -> Markup:
    return details(title, pairs(rows)) if rows else Markup()
