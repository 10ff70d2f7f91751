"""ProbeRow: one image, whose it is, and what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from probes.table.missing import known_values
from regkit.errors import InputError
from regkit.geometry import Grid, World
from regkit.io import open_image, open_labels, read_header
from regkit.volume import Labels, Volume

_ROWS_DOWN = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class ImagePlace:
    """Where an image lies: a file, or one of many in an archive of NumPy.

    Parameters
    ----------
    path
        The file.
    member, index
        Of an ``.npz``: the name of an array ``(n, *spatial)`` and which of its images.
    """

    path: Path
    member: str = ""
    index: int = 0

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.path.name}, {self.member} {self.index}" if self.member else self.path.name

    def grid(self) -> Grid:
        """Read where its voxels lie."""
        return self.open().grid if self.member else read_header(self.path).grid

    def open(self) -> Volume:
        """Read the image ``(C, *spatial)``.

        One of an archive lies at an origin of 0; of two axes, rows and columns, it is a picture as
        PNG files are: columns first, in pixels.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if not self.member:
            return open_image(read_header(self.path))
        data = _archive(self.path, self.member)[self.index]
        if data.ndim == 2:
            picture = np.ascontiguousarray(data.T)
            return Volume(picture, Grid(picture.shape, _ROWS_DOWN, World.pixels()), self.name)
        return Volume(data, np.eye(data.ndim + 1), self.name)


@lru_cache(maxsize=4)
def _archive(path: Path, member: str) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        return archive[member]


@dataclass(frozen=True)
class ProbeRow:
    """One image of one visit of one subject.

    Parameters
    ----------
    line
        Where the row is in its table.
    subject
        Whose image it is: what never parts between folds.
    image
        Where it lies.
    visit
        Which visit it is of, "" where there is one.
    unit
        Which of several things of a subject, such as the left knee; "" where there is one.
    labels
        A label map on the grid of the image.
    values
        All else that is known: outcomes and covariates, by column.
    """

    line: int
    subject: str
    image: ImagePlace
    visit: str = ""
    unit: str = ""
    labels: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def open_labels(self) -> Labels:
        """Read the label map ``(1, *spatial)``.

        Raises
        ------
        InputError
            If there is none.
        """
        if self.labels is None:
            raise InputError(f"{self.image.name}: has no label map; fill the column 'labels'")
        return open_labels(read_header(self.labels))

    def check_labels(self, what: str) -> None:
        """Refuse a label map on another grid than its image.

        Parameters
        ----------
        what
            What messages begin with.

        Raises
        ------
        InputError
            Naming both.
        """
        if self.labels is None:
            return
        theirs, ours = read_header(self.labels).grid, self.image.grid()
        if not theirs.lies_on(ours):
            raise InputError(
                f"{what} {self.line}: {self.labels.name} lies on {theirs.summary}, its image on "
                f"{ours.summary}; resample the labels first, as `regkit apply --labels` does"
            )


@dataclass(frozen=True)
class ProbeTable:
    """The rows of a data set.

    Parameters
    ----------
    root
        The file, or the folder, that was named.
    files
        The tables that were read; the first leads to all others when a run is repeated.
    rows
        In the order of the tables.
    columns
        The names under which values are known.
    where
        What line numbers count.
    """

    root: Path
    files: tuple[Path, ...]
    rows: tuple[ProbeRow, ...]
    columns: tuple[str, ...]
    where: str = "line"

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.root.name

    @property
    def what(self) -> str:
        """How a message about one row begins; its number follows."""
        return f"{self.name}: {self.where}"

    def with_known(self, missing: Collection[str] = ()) -> Self:
        """Return the same without values that are not known.

        Parameters
        ----------
        missing
            Words that mean so, besides those of :func:`~probes.table.missing.known_values`.
        """
        rows = (replace(row, values=known_values(row.values, missing)) for row in self.rows)
        return replace(self, rows=tuple(rows))

    def images(self) -> list[Path]:
        """The files of images and label maps, each once."""
        found = [row.image.path for row in self.rows]
        found += [row.labels for row in self.rows if row.labels is not None]
        return sorted(set(found))

    def check(self) -> None:
        """Refuse a table without rows, files that are not there, and two images of one visit.

        Raises
        ------
        InputError
            Naming the row.
        """
        if not self.rows:
            raise InputError(f"{self.name}: has no image; look at its layout in docs/probes.md")
        for row in self.rows:
            for path in (row.image.path, row.labels):
                if path is not None and not path.exists():
                    raise InputError(f"{self.what} {row.line}: {path.name} is not there")

    def check_visits(self) -> None:
        """Refuse two images of one visit: which of them is meant cannot be guessed.

        Raises
        ------
        InputError
            Naming both rows.
        """
        seen: dict[tuple[str, str, str], int] = {}
        for row in self.rows:
            key = (row.subject, row.unit, row.visit)
            before = seen.setdefault(key, row.line)
            if before != row.line:
                of = f" of {row.unit}" if row.unit else ""
                raise InputError(
                    f"{self.what}s {before} and {row.line} are both visit {row.visit!r}{of} of "
                    f"subject {row.subject!r}; leave one image of each visit"
                )
