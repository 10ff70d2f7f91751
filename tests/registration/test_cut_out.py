"""An image that was cut out of its surroundings, against one that shows them."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, Grid, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.kernels.smoothing import gaussian
from regkit.registration.cut_out import cut_out
from regkit.resample import warp

BRAIN, SCALP = 30.0, 44.0  # mm from the middle to the borders


@pytest.fixture(scope="module")
def whole():
    """A brain of grain within a dark skull and a scalp, oblique, anisotropic and left-handed."""
    linear = rotation([0.1, -0.2, 0.15]) @ np.diag([-2.0, 2.1, 2.4])
    shape = (56, 52, 46)
    grid = Grid(shape, homogeneous(linear, -linear @ ((np.array(shape) - 1) / 2)))
    drawn = torch.Generator().manual_seed(5)
    grain = sum(size * gaussian(torch.randn(1, *shape, generator=drawn), size) for size in (1.5, 3))
    away = _away(grid)
    tissue = (60 + 60 * grain) * (away < BRAIN) + 90 * ((away > 35) & (away < SCALP))
    air = 3 * torch.rand(1, *shape, generator=drawn)
    return Volume(tissue.clamp(min=0).float() + air, grid)


def _away(grid):
    """Millimetres from the middle, as on an ellipsoid that no turn leaves as it is."""
    return (grid.world_points().float() / torch.tensor([0.9, 1.1, 1.0])).norm(dim=-1)[None]


@pytest.fixture(scope="module")
def brain(whole):
    return whole.with_data(whole.data * (_away(whole.grid) < BRAIN))


MOVE = Affine(
    homogeneous(np.eye(3), [4.0, -5.0, 3.0]) @ about(np.zeros(3), rotation([0.1, 0.0, -0.12]))
)


def _moved(image, move=MOVE):
    """An image in which what ``image`` shows lies elsewhere, on a grid of its own."""
    shape = tuple(n + 4 for n in image.grid.shape)
    grid = image.grid.window((-2, -2, -2), shape)
    return warp(image, move.inverse(), onto=grid)


def _error(result, truth, whole):
    inside = whole.grid.world_points()[(_away(whole.grid) < BRAIN)[0]]
    return float((result.transform(inside) - truth(inside)).norm(dim=-1).mean())


def _noted(result):
    return [stage.note for stage in result.stages if "cut out" in stage.note]


@pytest.mark.parametrize("transform", ["rigid", "affine"])
def test_a_brain_finds_its_place_in_a_whole_head(whole, brain, transform):
    result = rk.register(whole, _moved(brain), transform=transform)
    assert _noted(result) == [
        "moving was cut out of what fixed shows around it (all else has one value): only what was "
        "kept counts"
    ]
    assert _error(result, MOVE, whole) < 0.6


def test_a_whole_head_finds_its_brain(whole, brain):
    result = rk.register(brain, _moved(whole))
    assert _noted(result)[0].startswith("fixed was cut out of what moving shows")
    assert _error(result, MOVE, whole) < 0.6


def test_the_smaller_of_two_brains_grows(whole, brain):
    """Nothing lies around it in the other one, to which its border belongs as well."""
    size = np.diag([0.75, 0.75, 0.75, 1.0])
    small = Volume(brain.data, Grid(brain.grid.shape, size @ brain.grid.affine))
    result = rk.register(brain, small, transform="affine")
    assert not _noted(result)
    assert _error(result, Affine(size), whole) < 2.0


def test_a_mask_says_more_than_a_border(whole, brain):
    everywhere = brain.with_data(torch.ones_like(brain.data))
    result = rk.register(whole, brain, moving_mask=everywhere, transform="rigid")
    assert not _noted(result)


def test_two_shapes_of_one_value_keep_their_borders(whole, brain):
    """A mask has nothing within to be found by."""
    small, large = (
        brain.with_data((_away(brain.grid) < size).float()) for size in (BRAIN, 1.4 * BRAIN)
    )
    result = rk.register(large, small, transform="affine")
    assert not _noted(result)


def test_what_was_cut_out_of_a_slice_finds_its_place(whole, brain):
    """In the middle of the head, where the ring of skull and scalp is whole."""
    size = np.diag([2.0, 2.1, 1.0])
    fixed, moving = (Volume(each.data[0, :, :, 23], size) for each in (whole, brain))
    truth = Affine(about(fixed.grid.centre, np.array([[0.99, -0.141], [0.141, 0.99]])))
    moved = warp(moving, truth.inverse(), onto=moving)
    result = rk.register(fixed, moved, transform="rigid")
    assert _noted(result)
    points = fixed.grid.world_points()[moving.data[0] > 0]
    assert float((result.transform(points) - truth(points)).norm(dim=-1).mean()) < 0.8


def test_what_was_kept_of_a_slice():
    values = np.zeros((20, 30))
    values[5:15, 8:20] = 7
    values[9, 12] = 0  # a hole in it
    kept = cut_out(Volume(values, np.eye(3)))
    assert kept.data.sum() == 8 * 10
    assert kept.data[0, 9, 12] == 1


def test_what_reaches_the_border_was_not_cut_out(whole):
    assert cut_out(whole) is None
    assert cut_out(whole.with_data(torch.zeros_like(whole.data))) is None
