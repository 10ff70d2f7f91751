"""Motion of a series: known rigid motions, changes of contrast, frames that go wrong."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, InputError, Volume
from regkit.geometry.affines import homogeneous
from regkit.registration.series import MotionConfig, correct_frames
from regkit.registration.series.aligner import FrameFit
from regkit.registration.series.reference import check_frames
from regkit.registration.series.verdicts import judge_frames
from regkit.resample import resample


def errors(result, motions, head):
    """How far each frame is off, mean over the head, where frame 0 is the reference."""
    points = torch.from_numpy(head.grid.world_points().numpy()[head.data[0].numpy() > 10])
    return [
        float((phi(points) - true(points)).norm(dim=-1).mean())
        for phi, true in zip(result.transforms, motions, strict=True)
    ]


def test_known_motions_are_found_whatever_the_gain(moved_heads, motions, head):
    result = rk.correct_motion(moved_heads, reference=0)
    assert max(errors(result, motions, head)) < 0.12  # voxels of 1.3 x 1.1 x 1.9 mm
    assert result.frames_of("pass") == list(range(6))
    edges = head.data > 15
    averages = (result.before, result.after)
    before, after = (float(each.ratio.data[edges].median()) for each in averages)
    assert after > 1.2 * before


@pytest.mark.parametrize("contrast", ["opposite", "spot"])
def test_changes_of_contrast_do_not_pull(moved_heads, motions, head, contrast):
    frames = list(moved_heads)
    for number in (2, 4):
        data = frames[number].data
        if contrast == "opposite":
            body = data > 15
            data = torch.where(body, 150 - data, data)
        else:
            points = motions[number].inverse()(head.grid.world_points())
            away = points - torch.from_numpy(head.grid.centre) - torch.tensor([3.0, 2.0, 0.0])
            data = data * (1 + 1.5 * torch.exp(-away.square().sum(-1) / 8))
        frames[number] = frames[number].with_data(data)
    assert max(errors(rk.correct_motion(frames, reference=0), motions, head)) < 0.35


@pytest.mark.parametrize("reference", ["auto", "mean", 3])
def test_references_agree_up_to_where_they_lie(moved_heads, motions, head, reference):
    result = rk.correct_motion(moved_heads, reference=reference)
    first = result.transforms[0].inverse()
    relative = [rk.compose(phi, first) for phi in result.transforms]
    points = head.grid.world_points()[head.data[0] > 10]
    apart = [
        float((phi(points) - true(points)).norm(dim=-1).mean())
        for phi, true in zip(relative, motions, strict=True)
    ]
    assert max(apart) < 0.2
    assert reference != 3 or result.reference == 3


def test_parameters_say_how_the_head_moved(grid, head):
    moved = homogeneous(np.eye(3), [0.7, -0.4, 0.9])
    shifted = Volume(rk.warp(head, np.linalg.inv(moved), onto=grid).data, grid)
    result = rk.correct_motion([head, shifted], reference=0)
    assert np.allclose(result.parameters[1, :3], [0.7, -0.4, 0.9], atol=0.05)
    assert np.isnan(result.displacement[0])
    assert result.displacement[1] == pytest.approx(2.0, abs=0.4)


def test_an_affine_series(grid, motions, head, moved_heads):
    stretch = Affine(np.diag([1.06, 1.0, 0.97, 1.0]))
    frames = [moved_heads[0], rk.warp(moved_heads[0], stretch, onto=grid)]
    result = rk.correct_motion(frames, reference=0, transform="affine")
    assert np.allclose(result.affines[1][:3, :3], np.linalg.inv(stretch.matrix)[:3, :3], atol=0.02)


def test_a_deformable_series_comes_closer_than_a_rigid_one(head, bend):
    frames = [head, rk.warp(head, bend, onto=head)]
    left = {}
    for kind in ("rigid", "deformable"):
        result = rk.correct_motion(frames, reference=0, transform=kind, threads=1)
        left[kind] = float((list(result.corrected())[1].data - head.data).abs().mean())
    assert left["deformable"] < 0.6 * left["rigid"]


def test_frames_that_go_wrong_are_said_by_number(moved_heads, grid, generator):
    noise = Volume(100 * torch.rand(grid.shape, generator=generator), grid)
    empty = moved_heads[2].with_data(torch.full_like(moved_heads[2].data, 7))
    far = Volume(torch.roll(moved_heads[1].data[0], 12, 0), grid)
    frames = [*moved_heads[:2], empty, noise, *moved_heads[4:], far]
    result = rk.correct_motion(frames, reference=0)
    assert set(result.frames_of("fail")) >= {2, 3}
    assert result.frames_of("pass") == [0, 1, 4, 5]
    assert np.isnan(result.parameters[[2, 3]]).all()
    assert np.isnan(result.displacement[[0, 2, 3, 4]]).all()
    assert np.array_equal(result.affines[2], result.affines[1])
    assert "no contrast" in result.verdicts[2].reason


def test_a_head_that_has_left_the_field_fails(grid, head):
    far = rk.warp(head, homogeneous(np.eye(3), [-18.0, 0, 0]), onto=grid)
    assert rk.correct_motion([head, head, far], reference=0).frames_of("fail") == [2]


def test_verdicts_of_single_fits():
    fits = [FrameFit(np.eye(4), gain, 1.0) for gain in (1.0, 1.02, 0.98, 1.01, 0.5, 0.1)]
    fits += [FrameFit(np.eye(4), 1.0, 0.4), FrameFit(None)]
    verdicts = judge_frames(fits)
    grades = ["pass"] * 4 + ["doubtful"] + ["fail"] * 3
    assert [each.grade for each in verdicts] == grades
    assert "only 40% of the body" in verdicts[6].reason


def test_a_result_does_not_depend_on_storage_order(moved_heads):
    one = rk.correct_motion(moved_heads[:3], reference=0)
    turned = [each.reoriented("PIR") for each in moved_heads[:3]]
    other = rk.correct_motion(turned, reference=0)
    assert np.allclose(one.parameters, other.parameters, atol=0.02)


def test_voxels_without_data_count_for_nothing(moved_heads, motions, head):
    holed = [each.with_data(each.data.clone()) for each in moved_heads]
    for each in holed:
        each.data[:, :, :5] = torch.nan
    frames = [each.without_nan() for each in holed]
    assert max(errors(rk.correct_motion(frames, reference=0), motions, head)) < 0.3


def test_every_frame_is_interpolated_once(moved_heads):
    result = correct_frames(moved_heads, MotionConfig(reference=0))
    for frame, phi, out in zip(moved_heads, result.transforms, result.corrected(), strict=True):
        expected = rk.warp(frame, phi, onto=frame.grid, outside=result.outside)
        assert torch.equal(expected.data, out.data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f[:1], "holds 1 frame; motion is that between frames"),
        (lambda f: [f[0], resample(f[1], f[1].grid.with_spacing(3.0))], "frame 1 lies on another"),
        (lambda f: [f[0], f[1].with_data(f[1].data / 0)], "frame 1 has voxels that are not finite"),
        (lambda f: [each.window((0, 0, 0), (24, 28, 3)) for each in f], "at least 4 along every"),
        (lambda f: [Volume.stacked([f[0], f[1]])] * 2, "frame 0 has 2 channels"),
    ],
)
def test_what_is_no_series(moved_heads, change, said):
    with pytest.raises(InputError, match=said):
        rk.correct_motion(change(moved_heads))


def test_no_frame_has_contrast(head):
    flat = head.with_data(torch.ones_like(head.data))
    with pytest.raises(InputError, match="no frame has any contrast"):
        rk.correct_motion([flat, flat])
    with pytest.raises(InputError, match="all voxels are 1"):
        check_frames([flat, head], 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reference": 9}, "has no frame 9 for a reference; allowed: 0 to 5"),
        ({"reference": "median"}, "reference"),
        ({"similarity": "mind"}, "allowed: mse, lncc, lncc2, mi"),
        ({"radius": 0}, "radius"),
    ],
)
def test_options_that_are_not_allowed(moved_heads, options, said):
    with pytest.raises(InputError, match=said):
        rk.correct_motion(moved_heads, **options)
