"""The same pair stored in other ways must give the same transform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

import regkit as rk
from benchmarks.data import as_float, brain, brain_pairs, points_in
from benchmarks.displacements import OBLIQUE_SPACING, oblique_grid
from benchmarks.measure import THREADS
from benchmarks.quality import distance, spread
from benchmarks.session import Session, say
from benchmarks.table import Row, Table
from regkit.geometry.affines import about, rotation
from regkit.resample import resample
from regkit.transforms import Transform

_CODES = ("RAS", "LPS", "LIA", "PSR", "ASL", "SRP", "IPL", "RSA")
_COLUMNS = {
    "transform": "",
    "stored": "",
    "mean mm": ".4f",
    "p95 mm": ".4f",
    "max mm": ".4f",
}
Kind = Literal["affine", "deformable"]
_Pair = tuple[rk.Volume, rk.Volume]
# The stored pair, its name, and the turn of the world that it stands in.
_Stored = tuple[str, rk.Volume, rk.Volume, rk.Affine]


def orientation_case(session: Session) -> list[Table]:
    """Eight orientations, a turned world, and an oblique anisotropic grid."""
    files = brain_pairs()[0]
    fixed, moving = (as_float(rk.read(path)) for path in (files.fixed, files.moving))
    rows = [*_rows("affine", (fixed, moving)), *_rows("deformable", (fixed, moving))]
    notes = (
        "Distance in the brain between the transform of the pair as it is and that of the same "
        "pair stored otherwise (fixed in one orientation, moving in the next).",
        "Resampling on the oblique grid changes the images themselves; the other rows do not.",
    )
    return [Table("Orientation and grid (brain_t1 b→a)", _COLUMNS, rows, notes)]


def _rows(kind: Kind, pair: _Pair) -> list[Row]:
    points = points_in(brain(pair[0]))
    expected = _registered(kind, *pair)
    rows: list[Row] = []
    for name, fixed, moving, turn in _stored(*pair):
        found = rk.compose(turn.inverse(), _registered(kind, fixed, moving), turn)
        rows.append(
            {"transform": kind, "stored": name, **spread(distance(found, expected, points))}
        )
        say(f"{kind} {name}: {rows[-1]['max mm']:.4f} mm at most")
    return rows


def _registered(kind: Kind, fixed: rk.Volume, moving: rk.Volume) -> Transform:
    return rk.register(fixed, moving, transform=kind, threads=THREADS).transform


def _stored(fixed: rk.Volume, moving: rk.Volume) -> Iterator[_Stored]:
    same = rk.Affine.identity()
    for code, other in zip(_CODES, (*_CODES[1:], _CODES[0]), strict=True):
        yield f"{code}, {other}", fixed.reoriented(code), moving.reoriented(other), same
    turn = about(fixed.grid.centre, rotation(list(np.deg2rad([12.0, -9.0, 15.0]))))
    degrees = "both turned by 21° in the world"
    yield degrees, _under(fixed, turn), _under(moving, turn), rk.Affine(turn)
    rng = np.random.default_rng(0)
    size = "x".join(map(str, OBLIQUE_SPACING))
    first, second = (resample(image, oblique_grid(image.grid, rng)) for image in (fixed, moving))
    yield f"both resampled, oblique, {size} mm", first, second, same


def _under(image: rk.Volume, turn: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> rk.Volume:
    return rk.Volume(image.data, rk.Grid(image.grid.shape, turn @ image.grid.affine), image.name)
