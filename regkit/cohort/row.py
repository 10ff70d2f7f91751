"""Row: one line of a table, whose files and options are known by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regkit.errors import InputError


@dataclass(frozen=True)
class PairRow:
    """What is to be done once.

    Parameters
    ----------
    line
        Where the table says so.
    files
        The files of each column that holds some.
    options
        Settings by their names.
    subject, session
        Whose images they are, and of which visit; empty where the table does not say.
    name
        The folder of the results, within that of the cohort.
    """

    line: int
    files: Mapping[str, tuple[Path, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    session: str = ""
    name: str = ""

    def file(self, column: str) -> Path:
        """The only file of a column that must have one.

        Raises
        ------
        InputError
            If there are several.
        """
        found = self.files[column]
        if len(found) != 1:
            raise InputError(f"{column} names {len(found)} files; give one")
        return found[0]

    def file_or_none(self, column: str) -> Path | None:
        """The only file of a column, or None where the row has none."""
        return self.file(column) if self.files.get(column) else None
