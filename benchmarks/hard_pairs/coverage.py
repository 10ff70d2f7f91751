"""One image shows a part of what the other does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.data import brain
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scenes import Scene, slab, tilted
from regkit import Grid, Volume
from regkit.geometry.affines import about, homogeneous, rotation

_AXES = ("sagittal", "coronal", "axial")
# What is scanned, slices of 2 mm, across which axis, and whether fixed is the slab.
_SLABS = (
    ("head", 40, 2, False),
    ("a", 24, 0, False),
    ("head", 24, 1, True),
    ("T2", 24, 2, False),
    ("a", 14, 2, False),
    ("head", 14, 2, True),
    ("b", 14, 1, False),
    ("head", 10, 2, False),
    ("a", 10, 0, True),
    ("head", 6, 2, False),
    ("b", 6, 1, False),
)
# Degrees and millimetres of a large start.
_FAR = ((30.0, 60.0), (45.0, 100.0), (60.0, 50.0), (60.0, 150.0), (50.0, 120.0), (40.0, 80.0))


def slabs() -> Iterator[HardPair]:
    """A slab of 40 to 6 slices and the whole, 3 to 6 degrees and 5 to 8 mm apart."""
    yield _of_the_issue()
    for seed, (name, count, axis, is_fixed) in enumerate(_SLABS, 100):
        scene = _scene(name, seed, 3.0 + seed % 4, 5.0 + seed % 4)
        part = slab(scene.source.grid, axis, count, 0.45)
        if is_fixed:
            scene = replace(scene, fixed_grid=part)
        else:
            scene = replace(scene, moving_grid=tilted(part, seed))
        which = "fixed" if is_fixed else "moving"
        title = f"{name}, {which}: {count} {_AXES[axis]} slices"
        yield scene.pair(title, across=name == "T2")


def fields_of_view() -> Iterator[HardPair]:
    """Half heads, a small block, a box that cuts the skull on one side only."""
    for seed, (title, name, low, high) in enumerate(
        (
            ("left half to whole", "head", (0.0, 0, 0), (0.5, 1, 1)),
            ("upper half to whole", "a", (0, 0, 0.5), (1, 1, 1)),
            ("hippocampus block to whole", "a", (0.55, 0.42, 0.3), (0.82, 0.68, 0.52)),
            ("hippocampus block of the head", "head", (0.55, 0.42, 0.3), (0.82, 0.68, 0.52)),
            ("skull cut on the left", "head", (0.2, 0, 0), (1, 1, 1)),
            ("skull cut in front", "head", (0, 0, 0), (1, 0.75, 1)),
        ),
        130,
    ):
        scene = _scene(name, seed, 4.0 + seed % 3, 5.0 + seed % 4)
        part = _box(scene.source.grid, low, high)
        yield replace(scene, moving_grid=tilted(part, seed, 3.0)).pair(f"{name}, {title}")
    scene = _scene("head", 137, 5.0, 7.0)
    lower = _box(scene.source.grid, (0, 0, 0), (1, 1, 0.7))
    upper = _box(scene.source.grid, (0, 0, 0.35), (1, 1, 1))
    scene = replace(scene, fixed_grid=lower, moving_grid=tilted(upper, 137, 3.0))
    yield scene.pair("head, upper two thirds to lower two thirds")
    scene = _scene("head", 138, 4.0, 6.0)
    right = _box(scene.source.grid, (0.4, 0, 0), (1, 1, 1))
    yield replace(scene, fixed_grid=right).pair("head, whole to right half")


def far() -> Iterator[HardPair]:
    """To 60 degrees and 150 mm apart, and one of the images a part."""
    for seed, (degrees, shift) in enumerate(_FAR, 150):
        name = ("head", "a", "T2")[seed % 3]
        scene = _scene(name, seed, degrees, shift)
        axis = seed % 3
        part = slab(scene.source.grid, axis, round(0.6 * scene.source.grid.shape[axis]), 0.6)
        scene = replace(scene, moving_grid=tilted(part, seed))
        title = f"{name}, {degrees:g}°, {shift:g} mm, 60 % of it"
        yield scene.pair(title, across=name == "T2")


def _of_the_issue() -> HardPair:
    """Every second voxel of a brain, and its slices 49 to 63."""
    whole = sources.person("a")
    turn = about(whole.grid.centre, rotation([0.05, -0.04, 0.06]))
    move = homogeneous(np.eye(3), [5.0, -4.0, 3.0]) @ turn
    part = whole.grid.window((0, 0, 49), (*whole.grid.shape[:2], 14))
    scene = Scene(whole, whole, brain(whole), move, whole.grid, part, 99)
    return scene.pair("a, moving: axial slices 49 to 63")


def _scene(name: str, seed: int, degrees: float, shift: float) -> Scene:
    """A whole head, a brain, or the T2 of a patient to his T1."""
    if name == "head":
        image = sources.head()
        return Scene.of(image, sources.body(image), seed, degrees, shift)
    if name == "T2":
        image = sources.patient("T1")
        scene = Scene.of(image, brain(image), seed, degrees, shift)
        return replace(scene, other=sources.patient("T2"))
    return _of_brain(sources.person(name), seed, degrees, shift)


def _of_brain(image: Volume, seed: int, degrees: float, shift: float) -> Scene:
    return Scene.of(image, brain(image), seed, degrees, shift)


def _box(grid: Grid, low: tuple[float, ...], high: tuple[float, ...]) -> Grid:
    """The part of ``grid`` between two corners, given as shares of its axes."""
    shape = np.array(grid.shape)
    start, stop = (np.rint(np.array(corner) * shape).astype(int) for corner in (low, high))
    return grid.window(start.tolist(), (stop - start).tolist())
