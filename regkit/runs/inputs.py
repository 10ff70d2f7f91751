"""InputFile: a file or folder that a job reads, by its role."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from regkit.digests import sha256
from regkit.io.names import display_name, display_path


@dataclass(frozen=True)
class InputFile:
    """A file that a job reads, or a folder of DICOM files.

    Parameters
    ----------
    role
        What it is to the job, such as ``fixed``; several files may share a role.
    path
        Where it lies.
    full_path
        Whether its folder may be shown; otherwise its base name is all that is shown of it.
    """

    role: str
    path: Path
    full_path: bool = False

    @property
    def shown(self) -> str:
        """What people see of the path."""
        return shown_name(self.path, full=self.full_path)

    def as_record(self) -> dict[str, str]:
        """The fingerprint, with the path where that may be shown."""
        where = {"path": self.shown} if self.full_path else {}
        return fingerprint(self.role, self.path) | where


def shown_name(path: Path, *, full: bool) -> str:
    """Return a path as people see it: its base name, or ``full`` if that is asked for."""
    return display_path(path.absolute()) if full else display_name(path)


def fingerprint(role: str, path: Path) -> dict[str, str]:
    """Return the role, base name and SHA-256 of an input; its folder stays private."""
    # The name of a folder may be a dot.
    return {"role": role, "file": Path(os.path.abspath(path)).name, "sha256": sha256(path)}
