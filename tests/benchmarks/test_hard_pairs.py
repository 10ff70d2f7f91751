"""The truth of hard pairs is true: moving, warped by it, is what fixed shows."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

import regkit as rk
from benchmarks.hard_pairs import families
from benchmarks.hard_pairs.bodies import Sides
from benchmarks.hard_pairs.pair import HardPair
from benchmarks.hard_pairs.scale import enlarged
from benchmarks.hard_pairs.scenes import Scene, bend, slab
from benchmarks.hard_pairs.sources import body
from regkit.geometry.affines import homogeneous
from regkit.kernels.smoothing import gaussian
from regkit.resample import values_at

# Families of one contrast, and a pair of each.
_ONE_CONTRAST = [
    ("visits", 0),
    ("epi", 0),
    ("slabs", 0),
    ("fields-of-view", 1),
    ("thick-slices", 1),
    ("skull", 1),
    ("masks", 2),
    ("thin-masks", 1),
    ("apart", 1),
    ("lesions", 0),
    ("scale", 1),
]

_BLUR = 2.5  # mm


@pytest.fixture
def scene(head) -> Scene:
    """``head``, 5 degrees and 3 mm apart on a tilted grid."""
    return Scene.of(head, body(head), 3, 5.0, 3.0)


def blurred(image: rk.Volume, sigma: float) -> rk.Volume:
    """``image`` without what noise and the voxels of one scan alone add."""
    return image.with_data(gaussian(image.data, [sigma / s for s in image.grid.spacing]))


def alike(pair: HardPair, off=(0.0, 0.0, 0.0)) -> float:
    """Correlation of fixed, and of moving at the truth (and ``off`` mm more), at the points."""
    away = torch.tensor(off, dtype=torch.float64) * pair.scale
    points = (pair.points, pair.truth(pair.points) + away)
    seen = [
        values_at(blurred(image, _BLUR * pair.scale), at)[0].double()
        for image, at in zip((pair.fixed, pair.moving), points, strict=True)
    ]
    return float(torch.corrcoef(torch.stack(seen))[0, 1])


@pytest.mark.parametrize(("family", "index"), _ONE_CONTRAST, ids=[f for f, _ in _ONE_CONTRAST])
def test_moving_at_the_truth_is_fixed(family, index, data):
    try:
        pair = next(islice(families()[family](), index, None))
    except rk.InputError as error:
        pytest.skip(str(error))
    right = alike(pair)
    assert right > 0.95
    assert all(alike(pair, off) < right for off in (3.0 * np.eye(3)).tolist())


def test_scene_of_an_oblique_image(scene):
    assert alike(scene.pair("turned")) > 0.97


def test_scene_that_is_bent(scene):
    pair = replace(scene, back=bend(scene.source.grid, 2.0, 1, sigma=8.0)).pair("bent")
    assert alike(pair) > 0.97


def test_points_lie_in_what_both_show(scene):
    part = slab(scene.source.grid, 2, 5, 0.5)
    pair = replace(scene, moving_grid=part).pair("slab")
    index = pair.moving.grid.to_index(pair.truth(pair.points))
    assert pair.moving.grid.shape[2] == 5
    assert len(pair.points) > 100
    assert bool(((index > -0.5) & (index < torch.tensor(part.shape) - 0.5)).all())


def test_scene_is_the_same_every_time(scene):
    first, second = scene.pair("once"), scene.pair("twice")
    assert torch.equal(first.moving.data, second.moving.data)
    assert torch.equal(first.points, second.points)


def test_a_larger_world_has_the_same_anatomy(scene):
    pair = scene.pair("life size")
    large = enlarged(pair, 10.0)
    assert large.moving.grid.spacing == pytest.approx(10 * np.array(pair.moving.grid.spacing))
    assert torch.allclose(large.truth(10 * pair.points), 10 * pair.truth(pair.points))


def test_what_cannot_be_enlarged(scene):
    pair = scene.pair("sides")
    unknown = HardPair("sides", pair.fixed, pair.moving, Sides(np.eye(4), np.eye(4)), pair.points)
    with pytest.raises(TypeError, match="Sides cannot be enlarged"):
        enlarged(unknown, 2.0)


def test_sides_move_on_their_own():
    moves = Sides(homogeneous(np.eye(3), [1.0, 0, 0]), homogeneous(np.eye(3), [0, 2.0, 0]))
    points = torch.tensor([[-5.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
    assert moves(points).tolist() == [[-4.0, 0.0, 0.0], [5.0, 2.0, 0.0]]
    with pytest.raises(rk.NotInvertibleError, match="gap"):
        moves.inverse()


def test_halves_alternate_and_families_are_named(data):
    pairs = list(islice(families()["strangers"](), 4))
    assert [pair.half for pair in pairs] == ["tune", "judge", "tune", "judge"]
    assert {pair.family for pair in pairs} == {"strangers"}
    assert not any(pair.is_solvable for pair in pairs)
