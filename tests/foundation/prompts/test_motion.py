"""Shifts, turns, uneven surfaces and missing parts."""

import numpy as np
import pytest
import torch

from foundation.prompts.perturbations import boundary_noise, cut_by_plane, rotate, shift
from regkit.errors import InputError


@pytest.mark.parametrize("distance", [0.4, 1.0, 2.7, 5.0])
def test_a_shift_moves_the_centroid_and_keeps_the_volume(ball, centroid, distance, draw):
    mask = ball(9.0)
    outcome = shift(mask, distance, draw)
    moved = float((centroid(outcome.mask) - centroid(mask)).norm())
    assert moved == pytest.approx(distance, abs=0.65)
    assert outcome.realised == pytest.approx(moved, abs=1e-9)
    assert outcome.mask.data.sum() == mask.data.sum()
    assert not outcome.clipped


@pytest.mark.parametrize("distance", [2.7, 8.0])
def test_shifts_are_neither_long_nor_short_on_average(ball, centroid, draw, distance):
    mask = ball(6.0)
    start = centroid(mask)
    moved = [float((centroid(shift(mask, distance, draw).mask) - start).norm()) for _ in range(16)]
    assert np.mean(moved) == pytest.approx(distance, rel=0.03)


def test_a_shift_follows_the_direction_given(ball, centroid, draw):
    mask = ball(9.0)
    outcome = shift(mask, 4.0, draw, direction=(1.0, -2.0, 2.0))
    moved = centroid(outcome.mask) - centroid(mask)
    expected = torch.tensor([1.0, -2.0, 2.0]) * 4 / 3
    assert torch.allclose(moved, expected.double(), atol=0.5)


def test_a_shift_by_whole_voxels_is_a_shift_of_voxels(brick, draw):
    way = brick.affine[:-1, 1]
    outcome = shift(brick, 3 * brick.spacing[1], draw, direction=way)
    assert torch.equal(outcome.mask.data, brick.data.roll(3, dims=2))


def test_a_shift_out_of_the_field_of_view_is_told(brick, draw):
    outcome = shift(brick, 12.0, draw, direction=brick.affine[:-1, 0])
    assert outcome.clipped
    assert outcome.mask.data.sum() < brick.data.sum()


def test_directions_have_no_side(ball, centroid, draw):
    mask = ball(5.0)
    ways = torch.stack([centroid(shift(mask, 3.0, draw).mask) - centroid(mask) for _ in range(120)])
    assert ways.mean(dim=0).norm() < 3 * 3.0 / np.sqrt(120)
    assert (ways.max(dim=0).values > 2.2).all()
    assert (ways.min(dim=0).values < -2.2).all()


@pytest.mark.parametrize("direction", [(0, 0, 0), (1, 0), (np.nan, 0, 1)])
def test_a_direction_must_be_one(brick, draw, direction):
    with pytest.raises(InputError, match="shift: direction"):
        shift(brick, 1.0, draw, direction=direction)


def test_a_turn_keeps_volume_and_centroid(brick, centroid, draw):
    outcome = rotate(brick, 30.0, draw)
    assert outcome.mask.data.sum() == brick.data.sum()
    assert (centroid(outcome.mask) - centroid(brick)).norm() < 0.4
    changed = (outcome.mask.data != brick.data).sum()
    assert changed > 0.1 * brick.data.sum()


def test_a_turn_is_one_of_the_world(ball, draw):
    """A ball is turned into itself, whatever the spacing."""
    mask = ball(9.0, (0.8, 0.8, 3.0))
    turned = rotate(mask, 70.0, draw).mask
    overlap = 2 * (turned.data & mask.data).sum() / (turned.data.sum() + mask.data.sum())
    assert overlap > 0.93


def test_a_turn_by_a_right_angle_and_back(brick):
    there = rotate(brick, 90.0, np.random.default_rng(3)).mask
    index = torch.nonzero(brick.data[0]).double()
    spread = torch.cov(brick.grid.to_world(index).T)
    turned = torch.cov(there.grid.to_world(torch.nonzero(there.data[0]).double()).T)
    expected = torch.linalg.eigvalsh(spread)
    assert torch.allclose(torch.linalg.eigvalsh(turned), expected, rtol=0.06)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 1.1, 1.6)])
def test_the_noise_of_a_surface_has_the_amplitude_asked_for(ball, spacing, half_diagonal):
    mask = ball(16.0, spacing, room=9.0)
    for magnitude in (1.0, 2.0):
        reached = [
            boundary_noise(mask, magnitude, np.random.default_rng(n)).realised for n in range(6)
        ]
        assert np.mean(reached) == pytest.approx(magnitude, abs=half_diagonal(mask))
    assert np.mean(reached) == pytest.approx(2.0, rel=0.4)


def test_noise_neither_grows_nor_shrinks_on_average(ball):
    mask = ball(16.0, (1.0, 1.0, 1.0), room=9.0)
    sizes = [
        float(boundary_noise(mask, 1.5, np.random.default_rng(n)).mask.data.sum())
        for n in range(20)
    ]
    assert np.mean(sizes) == pytest.approx(float(mask.data.sum()), rel=0.08)


def test_noise_is_smooth_over_its_correlation_length(ball):
    mask = ball(16.0, (1.0, 1.0, 1.0), room=12.0)

    def rough(length):
        data = boundary_noise(mask, 2.0, np.random.default_rng(0), correlation=length).mask.data[0]
        faces = sum((data.diff(dim=axis) != 0).sum() for axis in range(3))
        return float(faces) / float(data.sum()) ** (2 / 3)

    assert rough(3.0) > rough(8.0) > rough(30.0)
    with pytest.raises(InputError, match="correlation length 0"):
        boundary_noise(mask, 1.0, np.random.default_rng(0), correlation=0)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_plane_cuts_the_share_asked_for(ball, draw, share):
    mask = ball(9.0)
    outcome = cut_by_plane(mask, share, draw)
    assert outcome.realised == pytest.approx(share, abs=1 / float(mask.data.sum()))
    assert outcome.mask.data.sum() == round(float(mask.data.sum()) * (1 - outcome.realised))
    assert not (outcome.mask.data & ~mask.data & 1).any()


def test_what_is_cut_lies_on_one_side_of_a_plane(ball, draw, centroid):
    mask = ball(9.0)
    kept = cut_by_plane(mask, 0.5, draw).mask
    lost = mask.with_data(mask.data - kept.data)
    way = centroid(lost) - centroid(kept)
    sides = [
        each.grid.to_world(torch.nonzero(each.data[0]).double()) @ (way / way.norm())
        for each in (kept, lost)
    ]
    assert sides[0].max() < sides[1].min() + 0.5
