"""Outputs: where the files of a job go: a folder of results, or files with names of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from regkit.errors import InputError
from regkit.io import publish, publish_files, refuse_overwriting_inputs
from regkit.io.atomic import check_free, check_permission, check_target
from regkit.io.formats.table import image_formats
from regkit.io.names import display_name, extension

RECORD = "run.json"
NOTHING_LEFT = "nothing was written"
_PAGE, _REPORT = ".html", "report"
LONGEST_NAME = 255  # of every common file system, in bytes


class Outputs(Protocol):
    """The files that a job writes, by name."""

    def places(self) -> dict[str, Path]:
        """Where each of them goes, by name, the record last if there is one."""

    @property
    def record(self) -> Path | None:
        """Where the record goes; None where the job leaves none."""

    @property
    def folder(self) -> Path:
        """Where most of them go, to look for room on the disk."""

    @property
    def title(self) -> str:
        """What a person calls them."""

    def described(self, written: Sequence[str]) -> Any:
        """Those that were written, as the record names them."""

    def results(self) -> Sequence[Path]:
        """Those whose paths a command prints."""

    def check(self, inputs: Sequence[Path]) -> None:
        """Refuse what could not be written after the work.

        Raises
        ------
        InputError
            If a name is taken, too long, given twice or that of one of ``inputs``, or its folder
            may not be written.
        """

    def staged(self) -> AbstractContextManager[Mapping[str, Path]]:
        """A context manager that gives a path to write for each name, and publishes all at its end.

        After any exception everything is as it was before, but for what :meth:`left` speaks of.
        """

    def left(self) -> str:
        """What a person is told to be there when a run was stopped."""


@dataclass(frozen=True)
class Folder:
    """A folder of results, which is made where it is missing.

    Parameters
    ----------
    folder
        Where they go.
    names
        Their base names; the last one is that of the record.
    overwrite
        Replace what is there.

    Examples
    --------
    >>> list(Folder(Path("out"), ("a.txt", "run.json")).places())
    ['a.txt', 'run.json']
    """

    folder: Path
    names: tuple[str, ...]
    overwrite: bool = False

    @property
    def record(self) -> Path:
        """The file that is renamed after all others."""
        return self.folder / self.names[-1]

    @property
    def title(self) -> str:
        """The name of the folder."""
        return self.folder.name

    def places(self) -> dict[str, Path]:
        """See :class:`Outputs`; a name is a base name."""
        return {name: self.folder / name for name in self.names}

    def described(self, written: Sequence[str]) -> list[str]:
        """Their base names."""
        return list(written)

    def results(self) -> list[Path]:
        """All of them."""
        return list(self.places().values())

    def check(self, inputs: Sequence[Path]) -> None:
        """See :class:`Outputs`."""
        check_folder(self.folder)
        refuse_overwriting_inputs(self.places().values(), inputs)
        for path in self.places().values():
            _check_free_in_folder(path, self.overwrite)

    @contextmanager
    def staged(self) -> Iterator[Mapping[str, Path]]:
        """See :class:`Outputs`."""
        last = self.names[-1]
        with publish(self.folder, overwrite=self.overwrite, last=last, names=self.names) as staging:
            yield {name: staging / name for name in self.names}

    def left(self) -> str:
        """Nothing."""
        return NOTHING_LEFT


@dataclass(frozen=True)
class Files:
    """Single files, in folders that exist.

    Parameters
    ----------
    paths
        Role and path of each, the record last where there is one: its role is ``record``.
    overwrite
        Replace what is there.

    Examples
    --------
    >>> Files((("image", Path("clean.nii")), ("record", Path("clean.json")))).record.name
    'clean.json'
    """

    paths: tuple[tuple[str, Path], ...]
    overwrite: bool = False

    @property
    def record(self) -> Path | None:
        """The one whose role is ``record``."""
        return self.places().get("record")

    @property
    def folder(self) -> Path:
        """That of the first one."""
        return self.paths[0][1].parent

    @property
    def title(self) -> str:
        """The name of the first one."""
        return self.paths[0][1].name

    def places(self) -> dict[str, Path]:
        """See :class:`Outputs`; a name is a role, or a role and what its format keeps beside it."""
        found: dict[str, Path] = {}
        for role, path in self.paths:
            found |= {f"{role} {each.suffix}": each for each in _beside(path)}
            found[role] = path
        return found

    def described(self, written: Sequence[str]) -> dict[str, str]:
        """Roles and base names."""
        return {role: path.name for role, path in self.paths if role in written}

    def results(self) -> list[Path]:
        """The first one."""
        return [self.paths[0][1]]

    def check(self, inputs: Sequence[Path]) -> None:
        """See :class:`Outputs`."""
        paths = list(self.places().values())
        refuse_overwriting_inputs(paths, inputs)
        if len({path.resolve() for path in paths}) < len(paths):
            raise InputError(f"{self.title}: two outputs have one name; give each its own")
        for path in paths:
            check_target(path, self.overwrite)

    @contextmanager
    def staged(self) -> Iterator[Mapping[str, Path]]:
        """See :class:`Outputs`."""
        places = self.places()
        with publish_files(list(places.values()), overwrite=self.overwrite) as staged:
            yield {role: staged[path] for role, path in places.items()}

    def left(self) -> str:
        """Nothing."""
        return NOTHING_LEFT

    def moved(self, folder: Path) -> Files:
        """The same files in one folder, none of them there yet."""
        taken: dict[str, Path] = {}
        for role, path in self.paths:
            free = path.name not in {each.name for each in taken.values()}
            taken[role] = folder / (path.name if free else f"{role}-{path.name}")
        return Files(tuple(taken.items()))


def _beside(path: Path) -> list[Path]:
    """What the format of ``path`` keeps beside it: the voxels of an .mhd."""
    form = next((each for each in image_formats() if extension(path) in each.writable), None)
    return [path.with_name(name) for name in form.beside(path)] if form else []


def _check_free_in_folder(path: Path, overwrite: bool) -> None:
    """As :func:`check_free`, with what can be done about a folder of results."""
    if not overwrite and os.path.lexists(path) and not path.is_dir():
        raise InputError(
            f"{display_name(path.parent)}/{path.name}: exists; choose another folder, pass "
            "--overwrite to replace it, or --resume to leave a finished run as it is"
        )
    check_free(path, overwrite)


def record_name(outputs: Outputs) -> str | None:
    """Return the name of the record among ``outputs``; None where there is none."""
    here = outputs.record
    return next((name for name, place in outputs.places().items() if place == here), None)


def report_name(outputs: Outputs) -> str | None:
    """Return the name of the report among ``outputs``; None where there is none."""
    return next((name for name in outputs.places() if is_report(name)), None)


def is_report(name: str) -> bool:
    """Tell whether an output of that name is the report: ``report``, or any HTML file.

    Examples
    --------
    >>> is_report("report"), is_report("sweep.html"), is_report("report.csv")
    (True, True, False)
    """
    return name == _REPORT or name.endswith(_PAGE)


def check_folder(folder: Path) -> None:
    """Refuse a folder that could be neither made nor written.

    Raises
    ------
    InputError
        Naming it.
    """
    found = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in folder.parts):
        raise InputError(f"{folder.name[:40]}...: the name of the output folder is too long")
    if not found.is_dir():
        raise InputError(f"{display_name(found)}: is a file, not a folder; give another --output")
    check_permission(found)
