from dataclasses import replace

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.geometry import World
from regkit.registration.scenes import SceneConfig, register_scenes
from regkit.transforms import Affine
from regkit.transforms.reprojection import Reprojection
from tests.registration.scenes.pairs import UTM, Ground, errors, grid, scene

pytest.importorskip("pyproj")
SHIFT = torch.tensor([33.7, -52.1], dtype=torch.float64)


@pytest.fixture(scope="module")
def ground():
    return Ground()


def shifted(points):
    return points + SHIFT


def bent(points):
    x, y = ((points - torch.tensor([690000.0, 5310000.0])) / 600).unbind(-1)
    return points + SHIFT + 15 * torch.stack([torch.sin(x + y / 2), torch.cos(y - x / 3)], -1)


def undone(way):
    """The inverse of ``way``, by a fixed point: moving shows at ``y`` what the ground has there."""

    def back(points):
        found = points.clone()
        for _ in range(25):
            found = points - (way(found) - found)
        return found

    return back


@pytest.mark.parametrize("kind", ["local", "translation", "affine"])
def test_a_known_shift_to_a_thirtieth_of_a_pixel(ground, kind):
    fixed = ground.seen(grid())
    moving = ground.seen(grid(), undone(shifted))
    brighter = moving.with_data(1.4 * moving.data + 12)
    result = register_scenes(scene(fixed), scene(brighter), config=SceneConfig(transform=kind))
    assert np.quantile(errors(result, shifted), 0.95) < 0.03
    assert result.metrics["correlation_after"] > result.metrics["correlation_before"]


def test_a_shift_comes_out_as_a_shift(ground):
    rng = torch.Generator().manual_seed(3)
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(shifted))
    noisy = moving.with_data(moving.data + 4 * torch.randn(moving.data.shape, generator=rng))
    result = register_scenes(scene(fixed), scene(noisy))
    assert isinstance(result.transform, Affine)
    assert np.ptp(errors(result, shifted)) < 0.002


def test_a_known_smooth_warp(ground):
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(bent))
    result = register_scenes(scene(fixed), scene(moving))
    assert np.quantile(errors(result, bent), 0.95) < 0.02
    points = result.grid.world_points()[12:-12, 12:-12]
    assert (result.inverse()(result.transform(points)) - points).norm(dim=-1).max() < 0.1


def test_radar_against_optical(ground):
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(shifted))
    shade = ((moving.data - moving.data.min()) / (moving.data.max() - moving.data.min())).numpy()
    speckle = np.random.default_rng(1).gamma(4, 1 / 4, shade.shape)
    power = (0.15 + np.abs(np.sin(2.2 * np.pi * shade))) * speckle
    radar = moving.with_data(torch.from_numpy(power.astype(np.float32)))
    result = register_scenes(
        scene(fixed, "B4"), scene(radar, "VV"), config=SceneConfig(transform="translation")
    )
    assert result.pair.similarity == "edges"
    assert "one scene is SAR" in result.pair.reason
    assert errors(result, shifted).max() < 0.5


def test_another_resolution(ground):
    coarse = grid(72, 62, pixel=30.0, corner=(690010.0, 5309990.0))
    fixed, moving = ground.seen(grid()), ground.seen(coarse, undone(shifted))
    there = register_scenes(scene(fixed), scene(moving))
    assert np.median(errors(there, shifted)) < 0.15
    back = register_scenes(scene(moving), scene(fixed))
    assert np.median(errors(back, undone(shifted), margin=4)) < 0.05


def test_the_neighbouring_zone_in_one_map(ground):
    other = World.projected("EPSG:32633")
    there = Reprojection(UTM, other)
    corner = there(np.array([[690000.0, 5310000.0]]))[0] + [-150, 150]
    onto = grid(240, 220, world=other, corner=tuple(corner))
    fixed = ground.seen(grid())
    moving = ground.seen(onto, lambda y: undone(shifted)(there.inverse()(y)))
    result = register_scenes(scene(fixed), scene(moving))
    assert result.transform.fixed_world == UTM
    assert result.transform.moving_world == other
    assert np.median(errors(result, lambda x: there(shifted(x)))) < 0.05
    back = result.inverse()
    assert (back.fixed_world, back.moving_world) == (other, UTM)
    points = result.grid.world_points()
    assert (back(result.transform(points)) - points).norm(dim=-1).max() < 0.1


def test_half_of_it_is_no_data(ground):
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(shifted))
    valid = torch.ones(moving.shape, dtype=torch.bool)
    valid[:110] = False
    data = moving.data.where(valid, -9999)
    result = register_scenes(scene(fixed), scene(replace(moving, data=data, valid=valid)),
                             config=SceneConfig(transform="translation"))  # fmt: skip
    assert errors(result, shifted).max() < 0.03
    assert 0.4 < result.metrics["overlap"] < 0.6


def test_other_numbers_of_bands(ground):
    fixed = ground.seen(grid())
    other = ground.seen(grid(), undone(shifted))
    noise = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 220, 190))).float()
    moving = rk.Volume(torch.cat([noise, torch.ones(1, 220, 190), other.data]), grid(), "m")
    result = register_scenes(scene(fixed), scene(moving))
    assert "band 0 with band 1 (the bands most alike)" in result.pair.reason  # less the constant
    assert np.median(errors(result, shifted)) < 0.03


def test_bands_of_one_name_are_compared(ground):
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(shifted))
    noise = moving.with_data(torch.randn(1, 220, 190, generator=torch.Generator().manual_seed(0)))
    two = rk.Volume(torch.cat([noise.data, moving.data]), grid(), "m")
    result = register_scenes(scene(fixed, "Red"), scene(two, "NIR", "red"))
    assert result.pair.reason.startswith("Red with red (bands of one name), by lncc")


def refused(fixed, moving, match, **options):
    with pytest.raises(rk.InputError, match=match) as error:
        register_scenes(scene(fixed), scene(moving), config=SceneConfig(**options))
    assert len(str(error.value).splitlines()) == 1


def test_no_result_is_invented_where_nothing_matches(ground):
    for seed in (1, 2, 3):
        refused(ground.seen(grid()), Ground(seed).seen(grid()), "windows agree|resembles")


def test_no_overlap(ground):
    apart = grid(corner=(790000.0, 5310000.0))
    far = rk.Volume(ground.seen(grid()).data, apart, "far")
    refused(ground.seen(grid()), far, "far does not overlap with scene")


def test_nothing_to_see(ground):
    flat = rk.Volume(torch.full((1, 220, 190), 7.0), grid(), "flat.tif")
    refused(ground.seen(grid()), flat, "flat.tif: no band has data and contrast")


def test_a_reference_in_degrees(ground):
    degrees = World("degree", "EN+", "EPSG:4326")
    place = rk.Grid((220, 190), [[1e-4, 0, 11.5], [0, -1e-4, 47.9], [0, 0, 1]], degrees)
    fixed = rk.Volume(ground.seen(grid()).data, place, "deg.tif")
    refused(fixed, ground.seen(grid()), "lies in degrees .* EPSG:32632")


def test_the_same_seed_gives_the_same_map(ground):
    fixed, moving = ground.seen(grid()), ground.seen(grid(), undone(bent))
    one, two = (register_scenes(scene(fixed), scene(moving)) for _ in range(2))
    assert torch.equal(one.transform.u, two.transform.u)
