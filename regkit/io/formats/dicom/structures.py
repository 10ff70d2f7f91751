"""Structures of DICOM segmentations and structure sets, painted into one label map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.formats.dicom.images import describe_series
from regkit.io.formats.dicom.series import DicomSeries
from regkit.io.header import Header
from regkit.io.header_checks import check_claim
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product

_TYPES = ("uint8", "int16", "int32")


@dataclass(frozen=True)
class NamedStructure:
    """A structure: its number in the file, the label that it gets, and its name."""

    number: int
    label: int
    name: str


class Masks(Protocol):
    """Where structures lie, found out when voxels are wanted; it can be pickled."""

    def __call__(
        self, structures: Sequence[NamedStructure], shape: tuple[int, ...]
    ) -> Iterator[tuple[NamedStructure, tuple[slice, ...], NDArray[np.bool_]]]:
        """Give masks of parts of the grid, each with its structure and its place there."""


@dataclass(frozen=True)
class Painting:
    """What a label map is made of.

    Parameters
    ----------
    structures
        Those that are taken, in the order in which they are painted.
    masks
        Where they lie.
    may_overlap
        Whether the later of two structures has the voxels of both, as the user has ordered them.
    """

    structures: tuple[NamedStructure, ...]
    masks: Masks
    may_overlap: bool


def structure_header(
    path: Path,
    series: DicomSeries,
    grid: Grid,
    found: Sequence[tuple[int, str]],
    masks: Masks,
    beside: Sequence[Path],
    options: ReadOptions,
) -> Header:
    """Make the header of a label map.

    Parameters
    ----------
    path
        What the user gave.
    series
        The segmentation or structure set.
    grid
        Where the labels lie.
    found
        Number and name of every structure.
    masks
        Where they lie.
    beside
        The files that it is made of.
    options
        Which structures are taken.

    Raises
    ------
    InputError
        If there is no structure, or not one that is named; or the map is too large.
    """
    name = display_name(path)
    structures = _chosen(name, found, options)
    largest = max(each.label for each in structures)
    kind = next(each for each in _TYPES if largest <= np.iinfo(each).max)
    claimed = product(grid.shape) * np.dtype(kind).itemsize
    check_claim(name, claimed, claimed, compressed=False, max_bytes=options.max_bytes)
    names = {each.label: each.name for each in structures if each.name}
    return Header(
        path,
        name,
        "DICOM",
        grid,
        kind,
        source=Painting(structures, masks, options.structures is not None),
        options=options,
        value_type=kind,
        beside=tuple(beside),
        label_names=names,
        about={
            **describe_series(series),
            "structures": "; ".join(f"{label} {name}" for label, name in names.items()),
        },
    )


def paint(header: Header) -> NDArray[Any]:
    """Paint the structures of a header into a map ``(*spatial)``, 0 where there is none.

    Raises
    ------
    InputError
        If a file cannot be read, or structures overlap whose order the user has not given.
    """
    painting: Painting = header.source
    out = np.zeros(header.grid.shape, header.value_type)
    for structure, place, mask in painting.masks(painting.structures, header.grid.shape):
        part = out[place]
        other = part[mask & (part != 0) & (part != structure.label)]
        if len(other) and not painting.may_overlap:
            raise _overlapping(header, structure, int(other[0]))
        part[mask] = structure.label
    return out


def _chosen(
    name: str, found: Sequence[tuple[int, str]], options: ReadOptions
) -> tuple[NamedStructure, ...]:
    if not found:
        raise InputError(f"{name}: holds no structure; check its origin")
    if options.structures is None:
        # A number of 0 would make a structure of the background.
        counted = min(number for number, _ in found) < 1
        return tuple(
            NamedStructure(number, count if counted else number, each)
            for count, (number, each) in enumerate(found, start=1)
        )
    known = {each.casefold(): (number, each) for number, each in found}
    missing = [each for each in options.structures if each.casefold() not in known]
    if missing:
        raise InputError(
            f"{name}: has no structure {missing[0]!r:.40}; it has "
            f"{', '.join(each for _, each in found):.300}"
        )
    taken = (known[each.casefold()] for each in options.structures)
    return tuple(NamedStructure(number, n, each) for n, (number, each) in enumerate(taken, start=1))


def _overlapping(header: Header, structure: NamedStructure, label: int) -> InputError:
    painting: Painting = header.source
    other = next(each.name for each in painting.structures if each.label == label)
    return InputError(
        f"{header.name}: {structure.name!r:.40} and {other!r:.40} overlap, and a voxel has one "
        "label; name those to take with structures=NAME,NAME, where the later has the voxel"
    )
