"""Pairs of scenes whose truth is known: real bands, moved by a known map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

import regkit as rk
from benchmarks.data import data_folder
from benchmarks.spline_truth import spline_at, spline_of
from regkit.geometry import Grid, World
from regkit.registration.scenes import GeoScene
from regkit.transforms.reprojection import Reprojection

Way = Callable[[Tensor], Tensor]
_PART = ((100, 200), (400, 480))  # of Sentinel-2: first pixel, and size
_SHIFT = (-5.21, 3.37)  # pixels
_UTM, _NEXT = World.projected("EPSG:32735"), World.projected("EPSG:32734")
_CORNER = (300005.0, 6259995.0)


@dataclass(frozen=True, eq=False)
class SceneCase:
    """One pair and its truth.

    Parameters
    ----------
    name
        What it is.
    fixed, moving
        The scenes.
    truth
        World points of fixed to those of moving.
    bends
        Whether the truth is more than an affine.
    radar
        Whether moving is (made like) SAR.
    margin
        Pixels at the border that are not judged.
    """

    name: str
    fixed: GeoScene
    moving: GeoScene
    truth: Way
    bends: bool = False
    radar: bool = False
    margin: int = 20


def scene_cases() -> Iterator[SceneCase]:
    """All pairs, one after the other."""
    ground = _sentinel()
    grid = ground.grid
    shift = _shift_of(grid, _SHIFT)
    names = ("B4", "B3", "B2")
    fixed = GeoScene.of(ground, names)
    for name, pixels in (("shift", _SHIFT), ("small shift", (0.3, -0.45))):
        way = _shift_of(grid, pixels)
        moving = _brightened(_seen(ground, grid, way))
        yield SceneCase(f"known {name}", fixed, GeoScene.of(moving, names), way)
    bend = _bend_of(grid)
    yield from _coarse_pixels(ground, names)
    moving = _brightened(_seen(ground, grid, bend))
    yield SceneCase("known smooth warp", fixed, GeoScene.of(moving, names), bend, bends=True)
    for name, way, bends in (("shift", shift, False), ("smooth warp", bend, True)):
        radar = _as_radar(_seen(ground, grid, way))
        yield SceneCase(f"pseudo-SAR, {name}", fixed, GeoScene.of(radar, ("VV",)), way, bends=bends,
                        radar=True)  # fmt: skip
    yield _halves(fixed, _seen(ground, grid, shift), names, shift)
    yield _next_zone(ground, fixed, names)
    yield from _thirteen_bands()


def moved_headers() -> Iterator[tuple[str, GeoScene, GeoScene, Tensor]]:
    """Landsat 30 m beside Sentinel-2 10 m, its header moved by known metres: no pixel changes."""
    sentinel = _scene("sentinel2_b432_10m.tif", ("B4", "B3", "B2"))
    landsat = _scene("landsat8_30m.tif", ("SR_B4", "SR_B3", "SR_B2"))
    for metres in ((0.0, 0.0), (13.7, -8.2), (-41.3, 22.9)):
        step = torch.tensor(metres, dtype=torch.float64)
        affine = np.array(landsat.grid.affine)
        affine[:2, 2] += metres
        there = landsat.grid.placed(landsat.grid.shape, affine)
        bands = tuple(replace(each, grid=there) for each in landsat.bands)
        yield f"{metres[0]:g}, {metres[1]:g} m", sentinel, replace(landsat, bands=bands), step


def _scene(file: str, names: tuple[str, ...]) -> GeoScene:
    path = data_folder() / "satellite" / file
    bands = tuple(rk.read(path, channels=(name,)).load() for name in names)
    return GeoScene(bands, names, file)


def _sentinel() -> rk.Volume:
    volume = rk.read(data_folder() / "satellite" / "sentinel2_b432_10m.tif", channels="all")
    part = volume.load().window(*_PART)
    affine = [[10, 0, _CORNER[0]], [0, -10, _CORNER[1]], [0, 0, 1]]
    return rk.Volume(part.data.float(), Grid(part.shape, np.array(affine), _UTM), "reference")


def _shift_of(grid: Grid, pixels: tuple[float, float]) -> Way:
    step = torch.from_numpy(grid.affine[:2, :2] @ np.array(pixels))
    return lambda x: x + step


def _bend_of(grid: Grid) -> Way:
    """A smooth warp of up to about nine pixels, three of which are no affine."""

    def way(points: Tensor) -> Tensor:
        x, y = (grid.to_index(points) / torch.tensor(grid.shape)).unbind(-1)
        i = -6 + 3 * torch.cos(8.2 * x + 1) * torch.sin(3 * y + 1) + 2.5 * x
        j = 4 + 3 * torch.sin(6.3 * (y + 0.2)) * torch.cos(9.4 * x) + 2 * y
        linear = torch.from_numpy(grid.affine[:2, :2].copy())
        return points + torch.stack([i, j], -1) @ linear.T

    return way


def _undone(way: Way) -> Way:
    def back(points: Tensor) -> Tensor:
        found = points.clone()
        for _ in range(40):
            found = points - (way(found) - found)
        return found

    return back


def _seen(ground: rk.Volume, onto: Grid, way: Way, name: str = "scene") -> rk.Volume:
    """What lies on ``onto``, where a point ``x`` of the ground is seen at ``way(x)``."""
    index = ground.grid.to_index(_undone(way)(onto.world_points())).numpy()
    values = spline_at(spline_of(ground.data.numpy()), index)
    return rk.Volume(torch.from_numpy(values), onto, name)


def _brightened(volume: rk.Volume) -> rk.Volume:
    """Another gain and offset, and noise of one and a half grey values."""
    noise = torch.randn(volume.data.shape, generator=torch.Generator().manual_seed(0))
    return volume.with_data(1.3 * volume.data + 10 + 1.5 * noise)


def _as_radar(volume: rk.Volume) -> rk.Volume:
    """A remap that is not monotone, and gamma speckle of four looks."""
    band = volume.data[:1].numpy()
    low, high = np.percentile(band, (1, 99))
    shade = np.clip((band - low) / (high - low), 0, 1)
    speckle = np.random.default_rng(0).gamma(4, 1 / 4, shade.shape)
    power = (0.15 + 0.85 * np.abs(np.sin(2.2 * np.pi * shade))) * speckle
    return replace(volume, data=torch.from_numpy(power.astype(np.float32)))


def _halves(fixed: GeoScene, moving: rk.Volume, names: tuple[str, ...], way: Way) -> SceneCase:
    """The left 45 % of one and the upper 30 % of the other have no data."""
    there, here = (torch.ones(moving.shape, dtype=torch.bool) for _ in range(2))
    there[: int(0.45 * moving.shape[0])] = False
    here[:, : int(0.3 * moving.shape[1])] = False
    gone = replace(_brightened(moving), valid=there)
    bands = tuple(replace(each, valid=here) for each in fixed.bands)
    gone = gone.with_data(gone.data.where(there, 0))
    bands = tuple(each.with_data(each.data.where(here, 0)) for each in bands)
    return SceneCase(
        "nodata-ridden halves", replace(fixed, bands=bands), GeoScene.of(gone, names), way
    )


def _next_zone(ground: rk.Volume, fixed: GeoScene, names: tuple[str, ...]) -> SceneCase:
    """The scene in the neighbouring UTM zone, shifted there."""
    there = Reprojection(_UTM, _NEXT)
    corners = there(torch.from_numpy(ground.grid.corners())).numpy()
    low, high = corners.min(0) - 50, corners.max(0) + 50
    shape = np.ceil((high - low) / 10).astype(int)
    grid = Grid(
        tuple(int(n) for n in shape), np.array([[10, 0, low[0]], [0, -10, high[1]], [0, 0, 1]]),
        _NEXT,
    )  # fmt: skip
    step = torch.tensor([-52.1, -33.7], dtype=torch.float64)
    index = ground.grid.to_index(there.inverse()(grid.world_points() - step)).numpy()
    values = torch.from_numpy(spline_at(spline_of(ground.data.numpy()), index))
    inside = ground.grid.contains(there.inverse()(grid.world_points() - step))
    moving = replace(_brightened(rk.Volume(values, grid, "scene")), valid=inside)
    moving = moving.with_data(moving.data.where(inside, 0))
    return SceneCase(
        "neighbouring zone, shift", fixed, GeoScene.of(moving, names), lambda x: there(x) + step
    )


def _coarse_pixels(ground: rk.Volume, names: tuple[str, ...]) -> Iterator[SceneCase]:
    """Means of blocks of 3 x 3 pixels, which begin elsewhere in one: none is interpolated."""
    most = 8
    size = tuple((n - 2 * most) // 3 for n in ground.shape)
    affine = [[30, 0, _CORNER[0]], [0, -30, _CORNER[1]], [0, 0, 1]]
    grid = Grid(size, np.array(affine), _UTM)

    def blocks(i: int, j: int) -> rk.Volume:
        part = ground.window((most + i, most + j), [3 * n for n in size]).data
        means = part.reshape(len(part), size[0], 3, size[1], 3).mean((2, 4))
        return rk.Volume(means, grid, "scene")

    fixed = GeoScene.of(blocks(0, 0), names)
    for i, j in ((1, 2), (-4, 5)):
        way = _shift_of(grid, (-i / 3, -j / 3))
        moving = GeoScene.of(_brightened(blocks(i, j)), names)
        yield SceneCase(f"coarse pixels, off by {i}/3 and {j}/3", fixed, moving, way)


def _thirteen_bands() -> Iterator[SceneCase]:
    """Two of the five small scenes: one date beside itself, shifted."""
    whole = np.load(data_folder() / "satellite" / "sentinel2_l1c_13band_5scenes.npy")
    names = tuple(f"B{n}" for n in range(13))
    affine = [[10, 0, _CORNER[0]], [0, -10, _CORNER[1]], [0, 0, 1]]
    grid = Grid((100, 101), np.array(affine), _UTM)
    for number in (0, 2):
        bands = torch.from_numpy(whole[number].transpose(2, 1, 0).copy()) * 1000
        ground = rk.Volume(bands, grid, "reference")
        way = _shift_of(grid, (2.3, -1.6))
        moving = _brightened(_seen(ground, grid, way))
        yield SceneCase(f"13 bands, scene {number}", GeoScene.of(ground, names),
                        GeoScene.of(moving, names), way, margin=8)  # fmt: skip
