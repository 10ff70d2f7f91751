"""Boxes and points that are off, and the conversions that make them."""

import numpy as np
import pytest
import torch

from foundation.prompts import (
    Box,
    EmptyMaskError,
    PointPrompt,
    PromptKind,
    Prompts,
    box_of_mask,
    converter_called,
    logits_of_mask,
    points_of_mask,
    slice_box_of_mask,
    smooth_logits_of_mask,
)
from foundation.prompts.perturbations import perturbation_called
from regkit import Grid, Volume
from regkit.errors import InputError
from regkit.volume import Points


def _values_at(mask, points):
    return mask.data[(0, *mask.grid.to_index(points).round().long().T)]


def test_the_box_of_a_mask_holds_what_its_voxels_fill(brick):
    box = box_of_mask(brick)
    corners = brick.grid.window((8, 9, 7), (8, 10, 6)).corners()
    np.testing.assert_allclose(box.lower, corners.min(axis=0), atol=1.6)
    assert (np.array(box.lower) <= corners.min(axis=0) + 1e-9).all()
    assert (np.array(box.upper) >= corners.max(axis=0) - 1e-9).all()
    wide = box_of_mask(brick, margin=2.5)
    np.testing.assert_allclose(np.subtract(wide.size, box.size), 5.0)
    assert max(box_of_mask(brick, margin=-1000.0).size) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
def test_the_box_of_a_slice_is_flat_where_the_structure_is_largest(ball, axis):
    mask = ball(9.0)
    box = slice_box_of_mask(mask, axis=axis)
    along = 2 if axis is None else axis
    assert box.size[along] == 0
    assert box.centre == pytest.approx((21.3, -13.6, 4.2), abs=1.9)
    others = [n for n in range(3) if n != along]
    assert [box.size[n] for n in others] == pytest.approx([18.0, 18.0], abs=3.5)
    assert Prompts(boxes=(box,)).kinds == (PromptKind.SLICE_BOX,)


def test_a_slice_axis_must_be_one(brick):
    with pytest.raises(InputError, match="axis 3; allowed: 0 to 2"):
        slice_box_of_mask(brick, axis=3)


@pytest.mark.parametrize("spread", ["farthest", "random"])
def test_points_lie_inside_and_beside(ball, draw, spread):
    mask = ball(9.0)
    made = points_of_mask(mask, positive=5, negative=4, within=6.0, spread=spread, generator=draw)
    inner, outer = made.points.xyz[made.positive], made.points.xyz[~made.positive]
    assert (len(inner), len(outer)) == (5, 4)
    assert (_values_at(mask, inner) == 1).all()
    assert (_values_at(mask, outer) == 0).all()
    centre = torch.tensor([21.3, -13.6, 4.2], dtype=torch.float64)
    assert (inner[0] - centre).norm() < 1.9
    assert ((outer - centre).norm(dim=1) < 9 + 6 + 1.3).all()
    assert len(torch.unique(made.points.xyz, dim=0)) == 9


def test_farthest_points_repeat_and_are_far_apart(ball):
    first, again = (points_of_mask(ball(9.0), positive=4) for _ in range(2))
    assert torch.equal(first.points.xyz, again.points.xyz)
    assert torch.pdist(first.points.xyz).min() > 7


def test_a_mask_of_few_voxels_gives_as_many_points(brick):
    data = torch.zeros_like(brick.data)
    data[0, 3, 3, 3:5] = 1
    assert len(points_of_mask(brick.with_data(data), positive=5).points) == 2


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"positive": 0}, "at least 1"),
        ({"within": 0.0, "negative": 1}, "distance above 0"),
        ({"spread": "randon"}, "did you mean 'random'"),
        ({"spread": "random"}, "needs a generator"),
    ],
)
def test_points_that_cannot_be_made(brick, how, message):
    with pytest.raises(InputError, match=message):
        points_of_mask(brick, **how)


def test_logits_have_the_values_of_the_paper(brick):
    made = logits_of_mask(brick)
    assert made.data[brick.data == 1].unique().tolist() == [10.0]
    assert made.data[brick.data == 0].unique().tolist() == [-20.0]


def test_smooth_logits_change_sign_at_the_surface_and_fall_with_distance(ball):
    mask = ball(9.0)
    made = smooth_logits_of_mask(mask, width=2.0)
    assert torch.equal(made.data > 0, mask.data == 1)
    assert (made.data.min(), made.data.max()) == (-10.0, 10.0)
    away = (mask.grid.world_points() - torch.tensor([21.3, -13.6, 4.2])).norm(dim=-1)
    near = (away - 9).abs() < 3
    slope = np.corrcoef(away[near], made.data[0][near])[0, 1]
    assert slope < -0.97
    with pytest.raises(InputError, match="width 0"):
        smooth_logits_of_mask(mask, width=0)


@pytest.mark.parametrize("name", ["box", "slice_box", "points", "smooth_logits"])
def test_an_empty_mask_has_no_prompt(brick, name):
    empty = Volume(torch.zeros_like(brick.data), brick.grid, "nothing.nii")
    with pytest.raises(EmptyMaskError, match=r"nothing\.nii: it holds no voxel"):
        converter_called(name)(empty)


def test_converters_are_known_by_name(brick):
    kinds = {name: converter_called(name)(brick).kinds[0].value for name in ("box", "slice_box")}
    assert kinds == {"box": "box", "slice_box": "slice_box"}
    assert converter_called("points")(brick, positive=3).kinds == (PromptKind.POINTS,)
    assert converter_called("mask")(brick).mask is brick
    with pytest.raises(InputError, match="did you mean 'logits'"):
        converter_called("logit")


def test_jittered_sides_are_symmetric_and_reach_the_ends(draw):
    box = Box((0, 0, 0), (40, 30, 20))
    jitter = perturbation_called("jitter_box")
    moves = []
    for _ in range(400):
        made = jitter.perturb(Prompts(boxes=(box,)), 3.0, draw)
        moved = np.subtract(made.prompts.boxes[0].corners()[[0, -1]], box.corners()[[0, -1]])
        assert made.realised == pytest.approx(np.abs(moved).max())
        moves.append(moved.ravel())
    moves = np.array(moves)
    assert np.abs(moves).max() <= 3.0
    assert np.abs(moves.mean(axis=0)).max() < 4 * 3 / np.sqrt(3 * 400)
    assert (moves.max(axis=0) > 2.9).all()
    assert (moves.min(axis=0) < -2.9).all()
    assert made.relative == pytest.approx(3.0 / 10)


def test_a_slice_is_missed_to_both_sides_and_flat_boxes_stay_flat(draw):
    box = Box((0, 0, 5), (40, 30, 5))
    wrong, jitter = (perturbation_called(name) for name in ("wrong_slice", "jitter_box"))
    levels = {
        wrong.perturb(Prompts(boxes=(box,)), 4.0, draw).prompts.boxes[0].centre[2]
        for _ in range(20)
    }
    assert levels == {1.0, 9.0}
    assert jitter.perturb(Prompts(boxes=(box,)), 4.0, draw).prompts.boxes[0].size[2] == 0


def test_a_slice_out_of_the_field_of_view_is_told(draw):
    view = Grid((50, 40, 6), np.eye(4))
    made = perturbation_called("wrong_slice").perturb(
        Prompts(boxes=(Box((0, 0, 5), (40, 30, 5)),)), 9.0, draw, view=view
    )
    assert made.clipped
    assert made.realised == 9.0


def test_points_are_moved_by_the_distance_and_flipped_by_the_share(draw):
    points = PointPrompt(Points(torch.arange(30.0).reshape(10, 3)))
    moved = perturbation_called("misplace_points").perturb(Prompts(points=points), 2.5, draw)
    apart = (moved.prompts.points.points.xyz - points.points.xyz).norm(dim=1)
    assert torch.allclose(apart, torch.full((10,), 2.5, dtype=torch.float64))
    assert moved.realised == pytest.approx(2.5)
    flipped = perturbation_called("mislabel_points").perturb(Prompts(points=points), 0.34, draw)
    assert int((~flipped.prompts.points.positive).sum()) == 3
    assert flipped.realised == 0.3
    assert points.positive.all()
