"""Scenes that are worked on in parts give what whole ones do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.io import save
from regkit.registration.scenes import GeoScene, register_scenes
from regkit.registration.scenes import levels as levels_module
from regkit.runs.warped_parts import warp_when_touched
from tests.registration.scenes.pairs import Ground, errors, grid, scene
from tests.registration.scenes.test_scenes import bent, undone

pytest.importorskip("pyproj")


@pytest.fixture(scope="module")
def pair():
    ground = Ground()
    return ground.seen(grid()), ground.seen(grid(), undone(bent))


def in_parts(volume):
    return GeoScene((volume,), keep=3000)


def test_windows_read_one_by_one_give_the_same_map(pair, tmp_path, monkeypatch):
    whole = register_scenes(*map(scene, pair))
    files = [save(each, tmp_path / f"{n}.tif") for n, each in enumerate(pair)]
    monkeypatch.setattr(levels_module, "_TOGETHER", 4000)
    parts = register_scenes(*(in_parts(rk.read(path)) for path in files))
    points = whole.grid.world_points()
    apart = (whole.transform(points) - parts.transform(points)).norm(dim=-1) / 10
    assert apart.max() < 0.05
    assert np.median(errors(parts, bent)) < 0.05


def test_no_voxel_is_kept_of_a_scene_that_is_read_in_parts(pair, tmp_path):
    bands = [rk.read(save(each, tmp_path / f"{n}.tif")) for n, each in enumerate(pair)]
    register_scenes(*map(in_parts, bands))
    assert all(each.deferred is not None for each in bands)


@pytest.mark.parametrize("nearest", [False, True])
def test_an_image_is_warped_part_by_part_as_it_is_whole(pair, nearest):
    fixed, moving = pair
    moving = moving.with_data((10 * moving.data).round().to(torch.int32))
    phi = register_scenes(*map(scene, pair)).transform
    warped = warp_when_touched(moving, phi, onto=fixed.grid, nearest=nearest)
    whole = warp_when_touched(moving, phi, onto=fixed.grid, nearest=nearest).load()
    for start in ((0, 0), (150, 0), (90, 120)):
        part = warped.window(start, (70, 70))
        same = whole.window(start, (70, 70))
        assert (part.data - same.data).abs().max() <= 1
        known = [torch.ones(70, 70, dtype=torch.bool) if v.valid is None else v.valid
                 for v in (part, same)]  # fmt: skip
        assert torch.equal(*known)
    assert whole.valid is not None
    assert not bool(whole.valid.all())


def test_other_bands_in_a_copy_of_a_scene_are_those_that_are_compared(pair):
    fixed, moving = map(scene, pair)
    valid = torch.ones(moving.grid.shape, dtype=torch.bool)
    valid[:, :100] = False
    band = replace(moving.bands[0], valid=valid)
    result = register_scenes(fixed, replace(moving, bands=(band,)))
    assert result.metrics["overlap"] < 0.6
