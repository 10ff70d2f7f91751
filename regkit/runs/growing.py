"""GrowingFolder: where a job writes while it runs, so that it can go on after it was stopped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from regkit.io import publish, refuse_overwriting_inputs
from regkit.runs.outputs import RECORD, check_folder


@dataclass(frozen=True)
class GrowingFolder:
    """A folder into which a job writes while it runs; see :class:`regkit.runs.outputs.Outputs`.

    A folder that is not finished goes on: what is there is no obstacle. The record alone is staged,
    and appears when all else is there. Two jobs in one folder at a time would spoil it: the second
    one is refused.

    Parameters
    ----------
    folder
        Where everything goes.
    names
        The results, which the job writes in place; files in folders below are allowed.
    checkpoint
        The file that a stopped run goes on from.
    aside
        Further files that the job writes, which are no results.
    overwrite
        Begin anew: take away what a run has left there.
    first
        False for the further processes of one run, which leave the record to the first one.

    Examples
    --------
    >>> list(GrowingFolder(Path("run"), ("weights.bin",), "state.bin").places())
    ['weights.bin', 'run.json']
    """

    folder: Path
    names: tuple[str, ...]
    checkpoint: str
    aside: tuple[str, ...] = ()
    overwrite: bool = False
    first: bool = True

    @property
    def record(self) -> Path:
        """``run.json``."""
        return self.folder / RECORD

    @property
    def title(self) -> str:
        """The name of the folder."""
        return self.folder.name

    def places(self) -> dict[str, Path]:
        """A name is a path below the folder."""
        return {name: self.folder / name for name in (*self.names, RECORD)}

    def described(self, written: Sequence[str]) -> list[str]:
        """Their names."""
        return list(written)

    def results(self) -> list[Path]:
        """All but the record."""
        return [self.folder / name for name in self.names]

    def check(self, inputs: Sequence[Path]) -> None:
        """Refuse a folder that may not be written, or an input that would be written over.

        Raises
        ------
        InputError
            Naming it.
        """
        check_folder(self.folder)
        further = [self.folder / name for name in (self.checkpoint, *self.aside)]
        refuse_overwriting_inputs([*self.places().values(), *further], inputs)

    @contextmanager
    def staged(self) -> Iterator[Mapping[str, Path]]:
        """Paths in place, and a staged one for the record."""
        if not self.first:
            with tempfile.TemporaryDirectory() as scratch:
                yield {**self.places(), RECORD: Path(scratch, RECORD)}
            return
        with publish(self.folder, overwrite=True, last=RECORD) as staging:
            if self.overwrite:
                self._clear()
            yield {**self.places(), RECORD: staging / RECORD}

    def left(self) -> str:
        """What the same command goes on from."""
        path = self.folder / self.checkpoint
        if path.is_file():
            return f"the same command goes on from {path}"
        return "no checkpoint was written yet"

    def _clear(self) -> None:
        # First the record, which vouches for the others.
        for name in (RECORD, self.checkpoint, *self.aside, *self.names):
            (self.folder / name).unlink(missing_ok=True)
