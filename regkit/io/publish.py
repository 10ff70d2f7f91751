"""Write a folder of results all at once: staged, flushed, renamed; the marker last."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from regkit.errors import InputError
from regkit.io.atomic import (
    check_free,
    check_target,
    disk_errors,
    flush,
    owner_tag,
    remove_abandoned,
    running_writers,
    write_atomically,
)
from regkit.io.names import display_name

__all__ = ["publish", "publish_files", "refuse_overwriting_inputs", "write_atomically"]


@contextmanager
def publish(
    folder: str | Path,
    *,
    overwrite: bool = False,
    last: str = "run.json",
    names: Iterable[str] = (),
) -> Iterator[Path]:
    """Give a staging folder whose files appear in ``folder`` when the block ends without error.

    Parameters
    ----------
    folder
        Where the results go; created where it is missing.
    overwrite
        Replace files that are there.
    last
        The file that is renamed after all others: where it is, the results are complete.
    names
        Further files that will be written, so that they are refused before the work, not after.

    Yields
    ------
    Path
        The staging folder, ``.regkit-partial-<pid>-...`` inside ``folder``.

    Raises
    ------
    InputError
        If a file exists and ``overwrite`` is false, or the folder may not be written.
    ResourceError
        If the disk is full. After any exception the folder is as it was before.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as out:
    ...     with publish(out) as staging:
    ...         _ = (staging / "run.json").write_text("{}")
    ...     os.listdir(out)
    ['run.json']
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"{display_name(target)}: is a file, not a folder; choose another name")
    remove_abandoned(target)
    for name in (last, *names):
        check_free(target / name, overwrite)
    with disk_errors(target), _made(target):
        staging = target / f".regkit-partial-{owner_tag()}{_claim(last)}"
        staging.mkdir()
        try:
            _refuse_company(staging, last)
            yield staging
            _release(staging, target, overwrite, last)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def publish_files(paths: Sequence[Path], *, overwrite: bool = False) -> Iterator[dict[Path, Path]]:
    """Give a staged name for every path; when the block ends without error, all appear, or none.

    A file that is not written in the block does not appear, and one that is there stays.

    Parameters
    ----------
    paths
        Final names in folders that exist, one or several; they appear in this order, so that
        where the last one is, the others are.
    overwrite
        Replace files that are there.

    Yields
    ------
    dict
        From every path to where it is to be written.

    Raises
    ------
    InputError
        If a file exists and ``overwrite`` is false, a folder may not be written, or another
        process is writing the last one.
    ResourceError
        If the disk is full. After any exception all folders are as they were before.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as out:
    ...     with publish_files([Path(out, "a.txt"), Path(out, "b.txt")]) as staged:
    ...         for place in staged.values():
    ...             _ = place.write_text("")
    ...     sorted(os.listdir(out))
    ['a.txt', 'b.txt']
    """
    for path in paths:
        check_target(path, overwrite)
    with ExitStack() as stack:
        last = paths[-1]
        stages = {folder: stack.enter_context(_staged(folder, last)) for folder in
                  dict.fromkeys(path.parent for path in paths)}  # fmt: skip
        staged = {path: stages[path.parent] / path.name for path in paths}
        _refuse_company(stages[last.parent], last.name)
        yield staged
        written = [path for path in paths if staged[path].exists()]
        for path in written:
            check_free(path, overwrite)
            flush(staged[path])
        moves = {folder: stack.enter_context(_undone_on_failure(stage))
                 for folder, stage in stages.items()}  # fmt: skip
        moves[last.parent].aside(last)  # it must not vouch for a mixture of old and new
        for path in written:
            moves[path.parent].into_place(staged[path], path)
        for folder in stages:
            flush(folder)


@contextmanager
def _staged(folder: Path, last: Path) -> Iterator[Path]:
    """A hidden folder inside ``folder``, which is gone afterwards; ``last`` is what it is for."""
    remove_abandoned(folder)
    claim = _claim(last.name) if folder == last.parent else ""
    with disk_errors(folder):
        staging = folder / f".regkit-partial-{owner_tag()}{claim}"
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def refuse_overwriting_inputs(outputs: Iterable[str | Path], inputs: Iterable[str | Path]) -> None:
    """Refuse an output that is also an input, even by a link, or lies in a folder that is one.

    Raises
    ------
    InputError
        If there is one; the message names both files.

    Examples
    --------
    >>> refuse_overwriting_inputs(["out.nii"], ["in.nii"])
    """
    sources = [Path(source) for source in inputs]
    for output in map(Path, outputs):
        for source in sources:
            if _same(output, source):
                raise InputError(
                    f"{display_name(output)}: would overwrite the input {display_name(source)}; "
                    "choose another output"
                )
            if os.path.isdir(source) and source.resolve() in output.resolve().parents:
                raise InputError(
                    f"{display_name(output)}: would be written into the input "
                    f"{display_name(source)}; choose another folder"
                )


def _claim(last: str) -> str:
    """The results that a staging folder is for, as the end of its name."""
    return f"{zlib.crc32(last.encode()):08x}"


def _refuse_company(staging: Path, last: str) -> None:
    """Two at once would each replace the files of the other."""
    for entry, pid in running_writers(staging.parent):
        if entry != staging and entry.is_dir() and entry.name.endswith(_claim(last)):
            raise InputError(
                f"{display_name(staging.parent)}: process {pid} is writing its {last} here; wait "
                f"for it, choose another folder, or delete {entry.name} if it is not regkit"
            )


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Create ``folder`` and its parents; take away what is still empty of them on failure."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in missing:
            try:
                place.rmdir()
            except OSError:
                break
        raise


def _release(staging: Path, target: Path, overwrite: bool, last: str) -> None:
    files = sorted(path.relative_to(staging) for path in staging.rglob("*") if path.is_file())
    files.sort(key=lambda name: name == Path(last))
    for name in files:
        check_free(target / name, overwrite)
        flush(staging / name)
    with _undone_on_failure(staging) as move:
        # An old marker must not vouch for a mixture of old and new files.
        move.aside(target / last)
        for name in files:
            move.into_place(staging / name, target / name)
    flush(target)


class _Moves:
    """Renames that can be taken back."""

    def __init__(self, attic: Path) -> None:
        self._attic = attic
        self._done: list[tuple[Path, Path]] = []

    def aside(self, path: Path) -> None:
        """Keep a file that will be replaced until everything is in place."""
        if os.path.lexists(path):
            self._attic.mkdir(exist_ok=True)
            self._rename(path, self._attic / str(len(self._done)))

    def into_place(self, source: Path, path: Path) -> None:
        """Give a staged file its final name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.aside(path)
        self._rename(source, path)

    def undo(self) -> None:
        """Take all renames back, the latest first."""
        while self._done:
            source, path = self._done.pop()
            if not os.path.lexists(source):
                os.replace(path, source)

    def _rename(self, source: Path, path: Path) -> None:
        # Noted first: a signal may come between the two.
        self._done.append((source, path))
        os.replace(source, path)


@contextmanager
def _undone_on_failure(staging: Path) -> Iterator[_Moves]:
    moves = _Moves(staging / ".replaced")
    try:
        yield moves
    except BaseException:
        moves.undo()
        raise
