"""A few slices, or thick ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.data import brain
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import Scene, slab, spaced, tilted
from regkit import Grid
from regkit.geometry.affines import about, homogeneous, rotation

_COUNTS = (1, 2, 3, 5)
_FEW_MM = 4.0
# Millimetres of fixed and moving, and the axis across which each is thick.
_THICK = (
    ("head", (2.0, 2), (6.0, 2)),
    ("a", (2.0, 2), (8.0, 0)),
    ("head", (10.0, 2), (2.0, 2)),
    ("head", (6.0, 2), (6.0, 0)),
    ("T2", (2.0, 2), (10.0, 1)),
    ("b", (8.0, 1), (8.0, 2)),
)


def few() -> Iterator[HardPair]:
    """1, 2, 3 and 5 slices of 4 mm: of both images, moved in plane, or of one and the whole."""
    head = sources.head()
    axial = spaced(head.grid, 2, _FEW_MM)
    for seed, count in enumerate(_COUNTS, 200):
        scene = Scene.of(head, sources.body(head), seed, 0.0, 0.0)
        part = slab(axial, 2, count, 0.55)
        scene = replace(
            scene, move=_in_plane(part, 5.0), fixed_grid=part, moving_grid=_turned(part)
        )
        both = scene.pair(f"{count} of both, in plane")
        whole = Scene.of(head, sources.body(head), seed, 4.0, 5.0)
        whole = replace(whole, moving_grid=tilted(part, seed, 4.0))
        one = whole.pair(f"{count} to the whole")
        # Halves alternate: each gets both kinds.
        yield from (one, both) if seed % 2 else (both, one)


def thick() -> Iterator[HardPair]:
    """Slices of 6 to 10 mm against thin ones, or across another axis."""
    for seed, (name, fixed, moving) in enumerate(_THICK, 220):
        scene = _scene(name, seed)
        first, second = (
            spaced(scene.source.grid, axis, length) for length, axis in (fixed, moving)
        )
        scene = replace(scene, fixed_grid=first, moving_grid=tilted(second, seed))
        title = f"{name}, {moving[0]:g} mm to {fixed[0]:g} mm"
        yield scene.pair(title, across=name == "T2")


def _scene(name: str, seed: int) -> Scene:
    if name == "head":
        image = sources.head()
        return Scene.of(image, sources.body(image), seed, 5.0, 7.0)
    image = sources.patient("T1") if name == "T2" else sources.person(name)
    scene = Scene.of(image, brain(image), seed, 5.0, 7.0)
    return replace(scene, other=sources.patient("T2")) if name == "T2" else scene


def _in_plane(grid: Grid, degrees: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    turn = about(grid.centre, rotation([0.0, 0.0, float(np.deg2rad(degrees))]))
    moved: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    moved = homogeneous(np.eye(3), [6.0, -5.0, 0.0]) @ turn
    return moved


def _turned(grid: Grid) -> Grid:
    """``grid`` turned about its slices' normal."""
    turn = about(grid.centre, rotation([0.0, 0.0, -0.1]))
    return Grid(grid.shape, turn @ grid.affine)
