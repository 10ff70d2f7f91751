"""Gradient tables of diffusion series, in the text files of FSL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.io.names import display_name
from regkit.io.preflight import check_regular

_MAX_BYTES = 1 << 24
_OFF_UNIT = 0.01  # of the length of a direction; files have four decimals at least
_NO_WEIGHTING = 50.0  # s/mm²; below it a series counts as not weighted, and needs no direction


@dataclass(frozen=True)
class GradientTable:
    """Directions and weightings, one a frame.

    Parameters
    ----------
    directions
        ``(N, 3)``: unit vectors along the voxel axes, the first one reversed where the determinant
        of the image's affine is positive (FSL); zeros where there was no gradient.
    weightings
        ``(N,)`` in s/mm², or None where no file of them was given.
    """

    directions: Matrix
    weightings: Matrix | None = None


def read_gradients(bvec: Path, bval: Path | None, count: int) -> GradientTable:
    """Read the gradient table of a series.

    Parameters
    ----------
    bvec
        Three rows of ``count`` numbers, as FSL and BIDS have them.
    bval
        One row of ``count`` numbers, or None.
    count
        How many frames the series has.

    Raises
    ------
    InputError
        If there are not so many numbers, or a direction is neither of length 1 nor, without a
        weighting, 0.
    """
    name, rows = display_name(bvec), _rows(bvec)
    directions = np.array(_shaped(name, rows, 3, count)).T
    weightings = None
    if bval is not None:
        weightings = np.array(_shaped(display_name(bval), _rows(bval), 1, count)[0])
        _check_weightings(display_name(bval), weightings)
    _check_directions(name, directions, weightings)
    return GradientTable(directions, weightings)


def write_directions(directions: Matrix, path: Path) -> None:
    """Write directions ``(N, 3)`` as FSL has them: three rows."""
    path.write_text(_text(directions.T, "{:.6f}"), encoding="ascii")


def write_weightings(weightings: Matrix, path: Path) -> None:
    """Write weightings ``(N,)`` as FSL has them: one row."""
    path.write_text(_text(weightings[None], "{:g}"), encoding="ascii")


def _text(rows: Matrix, form: str) -> str:
    return "".join(" ".join(form.format(value) for value in row) + "\n" for row in rows)


def _rows(path: Path) -> list[list[float]]:
    check_regular(path)
    name = display_name(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{name}: is larger than {_MAX_BYTES} bytes; this is no gradient table")
    try:
        lines = path.read_text(encoding="ascii").replace(",", " ").splitlines()
        return [[float(word) for word in line.split()] for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: is not a table of numbers ({error})") from error


def _shaped(
    name: str, rows: Sequence[Sequence[float]], height: int, count: int
) -> Sequence[Sequence[float]]:
    widths = {len(row) for row in rows}
    if len(rows) == height and widths == {count} and np.isfinite(rows).all():
        return rows
    found = f"{len(rows)} rows of {' or '.join(map(str, sorted(widths))) or '0'} numbers"
    turned = len(rows) == count and widths == {height}
    finite = widths == {count} and len(rows) == height
    hint = "; some are not finite" if finite else "; turn rows into columns" if turned else ""
    raise InputError(
        f"{name}: has {found}, and the series has {count} frames: {height} "
        f"row{'s' * (height > 1)} of {count} numbers are needed{hint}"
    )


def _check_weightings(name: str, weightings: Matrix) -> None:
    wrong = np.flatnonzero(weightings < 0)
    if len(wrong):
        raise InputError(
            f"{name}: frame {wrong[0]} has b = {weightings[wrong[0]]:g}; it must not be negative"
        )


def _check_directions(name: str, directions: Matrix, weightings: Matrix | None) -> None:
    lengths = np.linalg.norm(directions, axis=1)
    unit = np.abs(lengths - 1) <= _OFF_UNIT
    free = lengths == 0 if weightings is None else weightings < _NO_WEIGHTING
    wrong = np.flatnonzero(~unit & ~(free & (lengths <= 1 + _OFF_UNIT)))
    if len(wrong):
        raise InputError(
            f"{name}: the direction of frame {wrong[0]} has length {lengths[wrong[0]]:.4g}; it "
            "must be 1, or 0 where there is no gradient. Divide it by its length"
        )
