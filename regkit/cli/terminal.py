"""What a person sees while a command runs: lines and progress on stderr, results on stdout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from regkit.runs.progress import OnProgress, Progress


def say(line: str, *, quiet: bool = False) -> None:
    """One line on stderr."""
    if not quiet:
        typer.echo(line, err=True)


@contextmanager
def progress(*, quiet: bool) -> Iterator[OnProgress]:
    """A callback that draws one bar a stage on stderr, where that is a terminal."""
    if quiet:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.fields[stage]:<8}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    silent = not console.is_terminal
    with Bars(*columns, console=console, disable=silent, transient=True) as bars:
        yield _drawer(bars)


@contextmanager
def transfer(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A callback, of bytes here and in all, that draws one bar on stderr, if a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn(name), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    silent = quiet or not console.is_terminal
    with Bars(*columns, console=console, disable=silent, transient=True) as bars:
        task = bars.add_task("")
        yield lambda here, whole: bars.update(task, completed=here, total=whole or None)


def _drawer(bars: Bars) -> OnProgress:
    tasks: dict[str, Any] = {}

    def draw(told: Progress) -> None:
        if told.line:
            say(told.line)
        if told.stage not in tasks:
            for earlier in tasks.values():  # one that converged ends short of its bound
                bars.update(earlier, completed=1.0)
                bars.stop_task(earlier)
            tasks[told.stage] = bars.add_task("", stage=told.stage, note="", total=1.0)
        bars.update(tasks[told.stage], completed=told.share, note=told.note)

    return draw
