"""Scenes band by band: each read, warped and written with all that its file says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regkit.geometry import Grid
from regkit.io import save_bands
from regkit.io.formats.table import format_called, writer
from regkit.io.header import Header
from regkit.io.reading import read_lazily
from regkit.runs.look_alike import check_no_labels
from regkit.runs.products import holds_classes
from regkit.runs.progress import OnProgress, Progress
from regkit.runs.warped_parts import warp_when_touched
from regkit.transforms import Transform
from regkit.volume import Volume


def keeps_bands(header: Header, output: Path, grid: Grid) -> bool:
    """Tell whether a file can be written with all that the file of a scene says beside its values.

    Parameters
    ----------
    header
        Of the scene.
    output
        The file that is to be written.
    grid
        On which its pixels will lie.
    """
    form = format_called(header.format)
    return form.write_bands is not None and writer(output, grid.world).name == form.name


@dataclass(frozen=True, eq=False)
class BandsTask:
    """All bands of a scene, and a transform."""

    header: Header
    phi: Transform
    grid: Grid
    nearest: bool = False
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> BandsOutcome:
        """Say what is to be warped: that is done as it is written, part by part."""
        bands = tuple(warped_bands(self.header, self.phi, self.grid, nearest=self.nearest))
        on_progress(Progress("warping", 0.0))
        return BandsOutcome(bands, self.grid, self.header, self.nearest)


@dataclass(frozen=True, eq=False)
class BandsOutcome:
    """Bands on the grid of the reference, and the header whose words they keep."""

    bands: Sequence[Volume]
    grid: Grid
    like: Header
    nearest: bool = False

    def entries(self, seconds: float) -> dict[str, Any]:
        """How many bands there are."""
        return {"frames": 1, "bands": len(self.bands)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write them as one file."""
        save_like(self.like, self.bands, places["image"], self.grid, nearest=self.nearest)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the file does not say."""
        return ()


def save_like(
    header: Header, bands: Sequence[Volume], path: Path, grid: Grid, *, nearest: bool = False
) -> None:
    """Write bands as the file of a scene has them; overviews mix no pixels where a band must not.

    Parameters
    ----------
    header
        Of the scene.
    bands
        As many as it has, on ``grid``.
    path
        The file.
    grid
        Where they lie.
    nearest
        Mix no pixels of any band.
    """
    whole = nearest or any(holds_classes(header, number) for number in range(header.channels))
    save_bands(bands, path, grid=grid, like=header, classes=whole)


def warped_bands(
    header: Header, phi: Transform, grid: Grid, *, nearest: bool = False
) -> Iterator[Volume]:
    """Warp the bands of a scene ``(1, *shape)``, one after the other, when they are touched.

    Parameters
    ----------
    header
        Of the scene.
    phi
        World points of ``grid`` to world points of the scene.
    grid
        Where the bands are wanted.
    nearest
        Mix no pixels of any band.

    Yields
    ------
    Volume
        One channel each. Classes, bits and colours of a table are taken from the nearest pixel.
    """
    for number in range(header.channels):
        whole = nearest or holds_classes(header, number)
        yield warp_when_touched(band_when_touched(header, number), phi, onto=grid, nearest=whole)


def check_bands(header: Header) -> None:
    """Refuse a scene of one band that looks like a map of classes and does not say that it is one.

    Raises
    ------
    InputError
        If parts of it hold few whole values, and it has neither a table of colours nor a name by
        which :func:`warped_bands` knows classes.
    """
    if header.channels == 1 and not holds_classes(header, 0):
        check_no_labels(band_when_touched(header, 0))


def band_when_touched(header: Header, number: int) -> Volume:
    """Give one band of a scene, which is read when it is touched, by its number from 0."""
    return read_lazily(header.path, replace(header.options, channel=number, channels=None))
