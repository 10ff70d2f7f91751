"""What a person sees while a command runs: lines and progress on stderr, results on stdout."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from regkit.registration.result import Progress
    from regkit.volume import Volume

Report = Callable[["Progress"], None]


def say(line: str, *, quiet: bool = False) -> None:
    """One line on stderr."""
    if not quiet:
        typer.echo(line, err=True)


def describe(role: str, volume: Volume, name: str) -> str:
    """``fixed``/``moving`` with name, shape, spacing and orientation, on one line.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from regkit import Grid, Volume
    >>> describe("fixed", Volume(torch.zeros(4, 5, 6), Grid((4, 5, 6), np.eye(4))), "a.nii")
    'fixed   a.nii  4x5x6, 1x1x1 mm, RAS'
    """
    return f"{role:<7} {name}  {volume.grid.summary}"


@contextmanager
def progress(*, quiet: bool) -> Iterator[Report]:
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


def _drawer(bars: Bars) -> Report:
    tasks: dict[str, Any] = {}

    def draw(told: Progress) -> None:
        if told.stage not in tasks:
            for earlier in tasks.values():  # one that converged ends short of its bound
                bars.update(earlier, completed=1.0)
                bars.stop_task(earlier)
            tasks[told.stage] = bars.add_task("", stage=told.stage, note="", total=1.0)
        bars.update(tasks[told.stage], completed=_share(told), note=_note(told))

    return draw


def _share(told: Progress) -> float:
    within = (told.iteration + 1) / max(told.iterations, 1)
    return (told.level - 1 + min(within, 1.0)) / max(told.levels, 1)


def _note(told: Progress) -> str:
    value = "" if math.isnan(told.value) else f" {told.value:.4f}"
    return f"level {told.level}/{told.levels}  {told.similarity}{value}"
