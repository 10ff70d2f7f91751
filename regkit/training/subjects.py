"""Put the images of one person on one grid, ready for a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from regkit.geometry.grid import Grid
from regkit.io import read, read_labels
from regkit.preprocess.intensity import Modality
from regkit.registration.canonical import canonical
from regkit.registration.network import working_cube
from regkit.registration.pair import pair_of
from regkit.registration.prepared import PreparedImage
from regkit.resample import resample
from regkit.training.prepared import PreparedArrays
from regkit.training.table import SourceRow
from regkit.volume.volume import AnyVolume, Volume

_MULTIPLE, _MOST = 4, 16_000_000


@dataclass(frozen=True)
class Subject:
    """The images of one subject.

    Parameters
    ----------
    rows
        One a modality; they lie in one space.
    shape
        Voxels of the network's grid along every axis, around the body in the first image.
    intensity
        How intensities come to [0, 1], as :func:`regkit.preprocess.intensity.normalise` has it.
    prepared
        Where the images lie as the network sees them.
    frame
        The subject around whose body the grid lies, in the world of both; its own if not given.
    mirrored
        Left for right, about the middle of the grid; there are no labels then, whose sides would be
        called by the wrong names.
    """

    name: str
    rows: tuple[SourceRow, ...]
    shape: int
    intensity: Modality
    prepared: PreparedArrays
    frame: Subject | None = None
    mirrored: bool = False

    @property
    def modalities(self) -> list[str]:
        """The names of the modalities, in the order of the table."""
        return [row.modality for row in self.rows]

    def image(self, modality: str) -> Tensor:
        """Return the image of a modality on the grid, ``(1, 1, *shape)`` float16 in [0, 1]."""
        row = self._row(modality)
        return self.prepared(self.made_of(modality), lambda: self._image(row))

    def made_of(self, modality: str) -> list[object]:
        """List all that decides :meth:`image`."""
        return [self._row(modality).image, self.intensity, *self._on_grid(), self.mirrored]

    @property
    def labels(self) -> Tensor | None:
        """The first map of labels ``(1, 1, *shape)``, if a row names one."""
        path = next((row.labels for row in self.rows if row.labels), None)
        return None if path is None or self.mirrored else self._map(path)

    @property
    def mask(self) -> Tensor | None:
        """The mask ``(1, 1, *shape)``: the subject counts where it is not 0; None: everywhere."""
        path = next((row.mask for row in self.rows if row.mask), None)
        return None if path is None else self._map(path)

    @cached_property
    def grid(self) -> Grid:
        """The network's grid around the body, in the world of the images."""
        if self.frame is not None:
            return self.frame.grid
        return working_cube(self._opened(self.rows[0])[1], self.shape)

    def volume(self, modality: str) -> Volume:
        """Read the image of a modality on its own grid, with intensities in [0, 1]."""
        return self._read(self._row(modality))

    def _row(self, modality: str) -> SourceRow:
        return next(row for row in self.rows if row.modality == modality)

    def _on_grid(self) -> list[object]:
        """List what decides the grid."""
        frame = self if self.frame is None else self.frame
        return [frame.rows[0].image, frame.intensity, self.shape]

    def _image(self, row: SourceRow) -> Tensor:
        return resample(self._read(row), self.grid).data[None].half()

    def _map(self, path: Path) -> Tensor:
        def make() -> Tensor:
            values = resample(self._turned(canonical(read_labels(path))), self.grid).data[None]
            small = bool(values.min() >= 0) and bool(values.max() < 256)
            return values.to(torch.uint8 if small else torch.int32)

        return self.prepared([path, "labels", *self._on_grid(), self.mirrored], make)

    def _read(self, row: SourceRow) -> Volume:
        return self._turned(self._opened(row)[0])

    def _turned(self, volume: AnyVolume) -> AnyVolume:
        """Mirror an image, if the subject is mirrored: stored the same, lying the other way."""
        if not self.mirrored:
            return volume
        mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
        mirror[0, 3] = 2 * self.grid.centre[0]
        grid = volume.grid.placed(volume.grid.shape, mirror @ volume.grid.affine)
        return canonical(replace(volume, grid=grid))

    def _opened(self, row: SourceRow) -> tuple[Volume, Grid]:
        """Prepare an image as registration does: a network is trained on what it meets later."""
        image = read(row.image)
        image = image.with_data(image.data.float())
        both = PreparedImage(image, modality=self.intensity)
        cpu = torch.device("cpu")
        pair = pair_of(both, both, multiple=_MULTIPLE, max_voxels=_MOST, device=cpu)
        return pair.fixed, pair.grid


def subjects_of(
    rows: Iterable[SourceRow],
    shape: int,
    intensity: Modality,
    prepared: PreparedArrays,
    *,
    aligned: bool = False,
    mirrored: bool = False,
) -> list[Subject]:
    """Gather rows of a table by subject, in the order of the table.

    Parameters
    ----------
    rows
        Of one source.
    shape
        Voxels of the network's grid along every axis.
    intensity
        How intensities come to [0, 1], as :func:`regkit.preprocess.intensity.normalise` has it.
    prepared
        Where the images lie as the network sees them.
    aligned
        The subjects lie in one world: all are put on the grid of the first.
    mirrored
        Add the mirror image of each subject after it, under the same name.
    """
    gathered: dict[str, list[SourceRow]] = {}
    for row in rows:
        gathered.setdefault(row.subject, []).append(row)
    subjects: list[Subject] = []
    for name, those in gathered.items():
        frame = subjects[0] if aligned and subjects else None
        own = Subject(name, tuple(those), shape, intensity, prepared, frame)
        subjects += [own, replace(own, mirrored=True)] if mirrored else [own]
    return subjects
