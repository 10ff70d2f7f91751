"""Dilation, erosion and shells: exact on the lattice, right in millimetres, and nested."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from foundation.prompts.perturbations import dilate, erode, shell
from foundation.prompts.perturbations.ball import ball_depth, grow_ball, shrink_ball
from regkit import Grid, Labels, Volume
from regkit.errors import InputError
from regkit.kernels.distance import distance_to

SPACINGS = [(1.3, 1.1, 1.9), (0.8, 0.8, 3.0), (1.0, 1.0, 1.0)]
masks = arrays(bool, (5, 6, 4), elements=st.booleans())
lengths = st.floats(0.0, 6.0)


def _inside(outcome):
    return outcome.mask.data[0].bool()


def _volume(mask):
    return float(mask.data.sum()) * mask.grid.voxel_volume


def _radius(mask):
    return (_volume(mask) * 3 / 4 / np.pi) ** (1 / 3)


def _brute(inside, spacing, distance, fill):
    """Voxels whose centre lies within ``distance`` of what voxels fill, each a ``fill`` of it."""
    size = np.array(spacing)
    held = np.argwhere(inside)
    out = np.zeros_like(inside)
    for index in product(*map(range, inside.shape)):
        gaps = np.maximum(np.abs(held - index) - fill / 2, 0) * size
        out[index] = len(held) and np.sqrt((gaps**2).sum(axis=1).min()) <= distance + 1e-9
    return out


@settings(max_examples=25, deadline=None)
@given(inside=masks, distance=lengths, spacing=st.sampled_from(SPACINGS))
def test_growth_lies_between_what_is_near_a_centre_and_what_is_near_a_voxel(
    inside, distance, spacing
):
    grown = grow_ball(inside, spacing, distance)
    centres = _brute(inside, spacing, distance, 0)
    filled = _brute(inside, spacing, distance, 1)
    assert (centres <= grown).all()
    assert (grown <= filled).all()


@settings(max_examples=25, deadline=None)
@given(inside=masks, limit=st.floats(0.5, 9.0), spacing=st.sampled_from(SPACINGS))
def test_distances_are_those_of_scipy_up_to_the_limit(inside, limit, spacing):
    inside[0, 0, 0] = True
    expected = distance_transform_edt(~inside, spacing)
    expected[expected > limit + 1e-9] = np.inf
    np.testing.assert_allclose(distance_to(inside, spacing, limit=limit), expected, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(inside=masks, a=lengths, b=lengths, spacing=st.sampled_from(SPACINGS))
def test_nested_dual_and_closing(inside, a, b, spacing):
    low, high = sorted((a, b))
    grown = grow_ball(inside, spacing, low)
    assert (grown <= grow_ball(inside, spacing, high)).all()
    assert (shrink_ball(inside, spacing, high) <= shrink_ball(inside, spacing, low)).all()
    assert (shrink_ball(inside, spacing, low) == ~grow_ball(~inside, spacing, low)).all()
    assert (inside <= shrink_ball(grown, spacing, low)).all()
    assert (grow_ball(shrink_ball(inside, spacing, low), spacing, low) <= inside).all()
    assert (grow_ball(inside, spacing, 0.0) == inside).all()


@settings(max_examples=30, deadline=None)
@given(inside=masks, distance=lengths, spacing=st.sampled_from(SPACINGS))
def test_depth_is_the_erosion_that_takes_a_voxel_away(inside, distance, spacing):
    deep = ball_depth(inside, spacing) > distance + 1e-9
    assert ((inside & deep) == shrink_ball(inside, spacing, distance))[
        inside
    ].all() or distance == 0


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("spacing", [0.7, 1.0, 1.5])
def test_isotropic_and_a_multiple_of_the_spacing_is_exact_to_the_lattice(steps, spacing):
    inside = np.zeros((24, 24, 24), bool)
    inside[8:16, 8:16, 8:16] = True
    grown = grow_ball(inside, (spacing,) * 3, steps * spacing)
    row = grown[:, 12, 12]
    assert row.sum() == 8 + 2 * steps
    left = shrink_ball(inside, (spacing,) * 3, steps * spacing)
    assert left.sum() == (8 - 2 * steps) ** 3


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0, 3.0, 5.0])
def test_what_is_realised_is_what_was_asked_for(ball, half_diagonal, spacing, distance):
    mask = ball(18.0, spacing, room=9.0)
    large, small = dilate(mask, distance), erode(mask, distance)
    tolerance = half_diagonal(mask)
    assert large.realised == pytest.approx(distance, abs=tolerance)
    assert small.realised == pytest.approx(-distance, abs=tolerance)
    # The radius is closer than the lattice is fine: no bias of half a voxel.
    for outcome, sign in ((large, 1), (small, -1)):
        grown = sign * (_radius(outcome.mask) - _radius(mask))
        assert grown == pytest.approx(distance, abs=0.53)
    assert not large.clipped


def test_growth_is_the_same_along_each_axis_in_millimetres(ball):
    mask = ball(18.0, (0.8, 0.8, 3.0), room=12.0)
    for distance in (3.0, 6.0, 9.0):
        for axis, spacing in enumerate(mask.spacing):
            others = [n for n in range(3) if n != axis]
            before = mask.data[0].bool().any(dim=others[1])
            before = before.any(dim=others[0]).sum()
            after = _inside(dilate(mask, distance)).any(dim=others[1]).any(dim=others[0]).sum()
            grown = float(after - before) / 2 * spacing
            # 6 mm are seven and a half voxels of 0.8 mm: a tie is off by half a voxel.
            assert grown == pytest.approx(distance, abs=spacing / 2 + 1e-6)


@pytest.mark.parametrize("distance", [2.0, 4.0])
@pytest.mark.parametrize("change", [dilate, erode, shell])
def test_the_same_shape_on_other_grids_is_changed_alike(ball, change, distance):
    one = ball(12.0, (1.0, 1.2, 1.1), room=9.0)
    other = ball(12.0, (0.9, 0.8, 1.6), angles=(0.5, 0.4, -0.9), room=9.0)
    a, b = change(one, distance).mask, change(other, distance).mask
    assert _volume(a) == pytest.approx(_volume(b), rel=0.12)
    there = other.grid.to_index(one.grid.world_points()).round().long()
    size = torch.tensor(other.shape)
    valid = ((there >= 0) & (there < size)).all(-1)
    i, j, k = there.clamp(min=0).minimum(size - 1).unbind(-1)
    seen = b.data[0, i, j, k].bool() & valid
    mine = a.data[0].bool()
    overlap = 2 * (seen & mine).sum() / (seen.sum() + mine.sum())
    assert overlap > (0.75 if change is shell else 0.93)


@pytest.mark.parametrize("codes", ["RAS", "LPI", "SAR", "PSR"])
def test_storage_order_changes_nothing(ball, codes):
    mask = ball(9.0)
    for change in (dilate, erode, shell):
        stored = change(mask.reoriented(codes), 2.5)
        there = change(mask, 2.5)
        assert torch.equal(stored.mask.data, there.mask.reoriented(codes).data)
        assert stored.realised == pytest.approx(there.realised, rel=0.02)


@pytest.mark.parametrize("distance", [1.0, 2.0, 4.0, 7.0])
def test_a_shell_is_no_deeper_than_it_should_be(brick, distance):
    outcome = shell(brick, distance)
    assert outcome.realised <= distance + 1e-9
    eroded = _inside(erode(brick, distance))
    assert torch.equal(_inside(outcome), brick.data[0].bool() & ~eroded)


def test_shells_fill_the_structure_as_they_grow_thick(ball):
    mask = ball(9.0)
    volumes = [_volume(shell(mask, d).mask) for d in (1, 2, 4, 8, 12)]
    assert volumes == sorted(volumes)
    assert volumes[-1] == _volume(mask)
    assert volumes[0] < 0.6 * _volume(mask)


def test_the_border_of_the_field_of_view_erodes_only_where_one_asks_for_it(brick):
    cut = brick.window((11, 0, 0), (13, 28, 20))
    kept, eroded = erode(cut, 2.6), erode(cut, 2.6, border="eroded")
    assert _inside(kept)[0].any()
    assert not _inside(eroded)[:2].any()
    assert kept.clipped
    assert not eroded.clipped
    with pytest.raises(InputError, match=r"border 'keptt'; did you mean 'kept'"):
        erode(cut, 2.6, border="keptt")


def test_what_grows_out_of_the_field_of_view_is_told(brick):
    assert not dilate(brick, 3.0).clipped
    assert dilate(brick, 14.0).clipped


def test_probabilities_and_labels_are_masks(brick):
    soft = Volume(brick.data.float() * 0.6, brick.grid)
    labels = Labels(brick.data, brick.grid)
    assert torch.equal(dilate(soft, 2.0).mask.data, dilate(labels, 2.0).mask.data)


def test_a_mask_of_two_dimensions():
    data = torch.zeros(1, 12, 12)
    data[0, 4:8, 4:8] = 1
    mask = Volume(data, Grid((12, 12), np.diag([0.5, 2.0, 1.0])))
    inside = _inside(dilate(mask, 1.0))
    assert inside[:, 5].sum() == 8
    assert inside[5].sum() == 6


def test_a_sheared_grid_is_refused(brick):
    affine = brick.affine @ np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    with pytest.raises(InputError, match=r"brick: the axes of its grid are not at right angles"):
        dilate(Volume(brick.data, Grid(brick.shape, affine), "brick"), 1.0)
