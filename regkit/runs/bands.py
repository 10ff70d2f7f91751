"""Scenes band by band: each read, warped and written with all that its file says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from regkit.geometry import Grid
from regkit.io import open_image, save_bands
from regkit.io.formats.table import format_called, writer
from regkit.io.header import Header
from regkit.resample import warp
from regkit.runs.progress import OnProgress, Progress
from regkit.transforms import Transform
from regkit.volume import Labels, Volume

# Bands of products that hold classes or bits, by their names in Sentinel-2 and Landsat.
_WHOLE = ("scl", "qa_pixel", "qa_radsat", "sr_qa_aerosol")


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
        """Warp band by band."""
        bands = list[Volume]()
        for band in warped_bands(self.header, self.phi, self.grid, nearest=self.nearest):
            bands.append(band)
            on_progress(Progress("warping", len(bands) / self.header.channels))
        return BandsOutcome(bands, self.grid, self.header)


@dataclass(frozen=True, eq=False)
class BandsOutcome:
    """Bands on the grid of the reference, and the header whose words they keep."""

    bands: Sequence[Volume]
    grid: Grid
    like: Header

    def entries(self, seconds: float) -> dict[str, Any]:
        """How many bands there are."""
        return {"frames": 1, "bands": len(self.bands)}

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write them as one file."""
        save_bands(self.bands, places["image"], grid=self.grid, like=self.like)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """Nothing that the file does not say."""
        return ()


def warped_bands(
    header: Header, phi: Transform, grid: Grid, *, nearest: bool = False
) -> Iterator[Volume]:
    """Read and warp the bands of a scene ``(1, *shape)``, one after the other.

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
    plain = replace(header, options=replace(header.options, channel=None, channels=None))
    for number in range(header.channels):
        band = open_image(plain.of(frame=None, channel=number))
        band = band if band.valid is not None else replace(band, valid=_everywhere(band))
        if nearest or _is_whole(header, number):
            band = Labels(band.data, band.grid, band.name, band.valid)
        yield warp(band, phi, onto=grid)


def _everywhere(band: Volume) -> torch.Tensor:
    """So that what lies beyond the scene is told from what it shows."""
    return torch.ones(band.shape, dtype=torch.bool)


def _is_whole(header: Header, number: int) -> bool:
    named = header.channel_names[number].casefold() if header.channel_names else ""
    colours = header.source.colours
    table = bool(colours[number]) if len(colours) > number else False
    return not header.value_type.startswith("float") and (table or named in _WHOLE)
