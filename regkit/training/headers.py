"""Check every file of a table by its header before the first step."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.io.preflight import preflight
from regkit.registration.check import holds_middle
from regkit.training.table import SourceRow


def check_headers(rows: Iterable[SourceRow], *, aligned: bool = False) -> None:
    """Refuse a file that would stop a run later, or from which a network would learn nonsense.

    Parameters
    ----------
    rows
        As :func:`regkit.training.table.read_table` returns them.
    aligned
        All subjects lie in one world.

    Raises
    ------
    InputError
        If a file cannot be read by its header, an image is 2-D, or labels, a mask or another image
        of a subject lie elsewhere in the world.
    """
    first: dict[str, tuple[Path, Grid]] = {}
    for row in rows:
        grid = preflight(row.image).grid
        if grid.ndim != 3:
            raise InputError(f"{row.image}: is {grid.ndim}-D; training takes volumes")
        path, around = first.setdefault("" if aligned else row.subject, (row.image, grid))
        _refuse_elsewhere(row.image, grid, path, around)
        for beside in (row.labels, row.mask):
            if beside is not None:
                _refuse_elsewhere(beside, preflight(beside).grid, row.image, grid)


def _refuse_elsewhere(path: Path, grid: Grid, image: Path, around: Grid) -> None:
    if not holds_middle(around, grid):
        place = ", ".join(f"{value:.0f}" for value in grid.centre)
        raise InputError(
            f"{path}: its middle ({place}) lies outside {image.name}, with which it is to "
            "share a world; give files that do"
        )
