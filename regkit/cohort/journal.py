"""The journal of a cohort: one line of JSON as each pair ends, so that nothing waits in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from regkit.io.atomic import disk_errors


@dataclass(frozen=True)
class Line:
    """What became of one pair.

    Parameters
    ----------
    entry
        See :func:`regkit.cohort.entry.entry_of`.
    numbers, group, shape
        What was seen of it, for a later run that finds it finished.
    proof
        See :func:`regkit.cohort.entry.proof_of`.
    """

    entry: Mapping[str, Any]
    numbers: Mapping[str, float]
    group: str
    shape: tuple[float, ...]
    proof: int


class Journal:
    """Lines by the number of their pair; what is in memory is where each begins.

    Parameters
    ----------
    file
        Open for reading and appending.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def add(self, number: int, line: Line) -> None:
        """Write what became of a pair, where another process can read it at once."""
        text = json.dumps(vars(line), allow_nan=False)
        self._places[number] = self._file.seek(0, 2)
        self._file.write(text.encode() + b"\n")
        self._file.flush()

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        """All lines in the order of the pairs' numbers."""
        for number in sorted(self._places):
            self._file.seek(self._places[number])
            yield number, _line(self._file.readline())


@contextmanager
def journal_at(path: Path) -> Iterator[Journal]:
    """The journal in a file, which is made where it is missing; what it has already stays.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    with disk_errors(path.parent), path.open("a+b") as file:
        if file.tell() and not _ends_whole(file):
            file.write(b"\n")  # a run that was killed was writing
        try:
            yield Journal(file)
        finally:
            if not file.seek(0, 2):
                path.unlink()  # nothing was done, so that the next run finds nothing to ask about


def earlier_lines(path: Path) -> dict[str, Line]:
    """The last line of every pair in a journal, by the name of its output; empty where none is."""
    found: dict[str, Line] = {}
    if path.is_file():
        with path.open("rb") as file:
            for text in file:
                try:
                    line = _line(text)
                    found[line.entry["output"]] = line
                except (ValueError, TypeError, KeyError):
                    continue  # half of a line, of a run that was killed
    return found


def _line(text: bytes) -> Line:
    found = json.loads(text)
    return Line(**{**found, "shape": tuple(found["shape"])})


def _ends_whole(file: BinaryIO) -> bool:
    file.seek(-1, 2)
    return file.read(1) == b"\n"
