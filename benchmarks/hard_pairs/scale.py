"""The same bodies as a mouse's, or an elephant's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

import regkit as rk
from benchmarks.data import brain
from benchmarks.hard_pairs import sources
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.people import brain_pair
from benchmarks.hard_pairs.scenes import Scene, bend
from regkit import DisplacementField, Grid
from regkit.transforms import Affine, Chain, Transform
from regkit.volume.volume import AnyVolume

FACTORS = (0.1, 0.025, 0.01, 10.0)


def scale() -> Iterator[HardPair]:
    """Every length times 1/10, 1/40, 1/100 and 10: one person moved and bent, and two people."""
    image = sources.person("a")
    for seed, factor in enumerate(FACTORS, 800):
        scene = Scene.of(image, brain(image), seed, 6.0, 8.0)
        rigid = scene.pair(f"one person, times {factor:g}")
        scene = replace(scene, back=bend(image.grid, 6.0, seed))
        bent = scene.pair(f"one person, bent, times {factor:g}", "deformable")
        people = brain_pair("a", "b", spacing=2.0)
        people = replace(people, name=f"two people, times {factor:g}")
        # Three in a row, so that the halves that alternate get each kind.
        yield from (enlarged(pair, factor) for pair in (rigid, bent, people))


def enlarged(pair: HardPair, factor: float) -> HardPair:
    """``pair`` in a world ``factor`` times as large."""
    truth = None if pair.truth is None else _transform(pair.truth, factor)
    return replace(
        pair,
        fixed=_volume(pair.fixed, factor),
        moving=_volume(pair.moving, factor),
        truth=truth,
        points=pair.points * factor,
        fixed_labels=pair.fixed_labels and _volume(pair.fixed_labels, factor),
        moving_labels=pair.moving_labels and _volume(pair.moving_labels, factor),
        scale=factor,
    )


def _volume(volume: AnyVolume, factor: float) -> AnyVolume:
    return replace(volume, grid=_grid(volume.grid, factor))


def _grid(grid: Grid, factor: float) -> Grid:
    return Grid(grid.shape, np.diag([factor] * 3 + [1.0]) @ grid.affine)


def _transform(phi: Transform, factor: float) -> Transform:
    """``factor * phi(x / factor)``."""
    if isinstance(phi, Chain):
        return rk.compose(*(_transform(link, factor) for link in phi.links))
    if isinstance(phi, DisplacementField):
        return DisplacementField(phi.u * factor, _grid(phi.grid, factor))
    if not isinstance(phi, Affine):
        raise TypeError(f"{type(phi).__name__} cannot be enlarged")
    size = np.diag([factor] * 3 + [1.0])
    return Affine(size @ phi.matrix @ np.linalg.inv(size))
