"""The template of a group: means that lie amid the group, whatever it is made of."""

import numpy as np
import pytest
import torch

from regkit import Affine, DisplacementField, Grid, InputError, Volume, compose
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.registration.config import make_config
from regkit.registration.pipeline import register
from regkit.registration.template import (
    TemplateSettings,
    build_template,
    planned_stages,
    stage_config,
)
from regkit.registration.template_mean import log_affine, mean_affine, recentre, sharpen
from regkit.registration.template_start import common_grid, first_transforms, measure_member
from regkit.resample import warp


def _affine(turn, grow, shift):
    return homogeneous(rotation(turn) @ np.diag(grow), shift)


AFFINES = [
    _affine([0.1, 0.0, 0.2], [1.1, 1.0, 0.9], [3.0, 0.0, -1.0]),
    _affine([0.0, -0.1, 0.1], [0.9, 1.2, 1.0], [0.0, 2.0, 5.0]),
    _affine([-0.2, 0.1, 0.0], [1.0, 0.9, 1.0], [-4.0, 1.0, 1.0]),
]


def test_the_mean_of_inverses_is_the_inverse_of_the_mean():
    back = mean_affine([np.linalg.inv(each) for each in AFFINES])
    assert np.allclose(back @ mean_affine(AFFINES), np.eye(4), atol=1e-9)


def test_the_mean_does_not_depend_on_the_origin():
    there = homogeneous(np.eye(3), [100.0, -40.0, 7.0])
    moved = mean_affine([there @ each @ np.linalg.inv(there) for each in AFFINES])
    assert np.allclose(moved, there @ mean_affine(AFFINES) @ np.linalg.inv(there), atol=1e-8)


@pytest.mark.parametrize("wrong", [np.diag([-1.0, 1, 1, 1]), np.diag([-1.0, -1, 1, 1])])
def test_a_mirrored_or_opposite_image_has_no_mean(wrong):
    with pytest.raises(InputError, match="mirrored, or turned by half a circle"):
        log_affine(wrong)


def test_recentred_transforms_have_no_mean(bend):
    shares = (1.0, 0.5, -0.2)
    group = [
        compose(Affine(matrix), DisplacementField(share * bend.u, bend.grid))
        for matrix, share in zip(AFFINES, shares, strict=True)
    ]
    seen = recentre(group)
    parts = [phi.on(bend.grid) for phi in seen.transforms]
    mean_log = np.mean([log_affine(matrix) for matrix, _ in parts], axis=0)
    assert np.abs(mean_log[:3, :3]).max() < 0.01  # of logarithms up to 0.2
    mean = torch.stack([u for _, u in parts]).mean(0).norm(dim=0).mean()
    whole = torch.stack([u for _, u in parts]).norm(dim=1).mean()
    assert mean < 0.1 * whole
    # What was taken out and what is left make what was given.
    points = bend.grid.world_points()[8:-8:5, 8:-8:5, 8:-8:5]
    for old, new in zip(group, seen.transforms, strict=True):
        assert (new(seen.mean(points)) - old(points)).norm(dim=-1).max() < 0.1


def test_recentred_affines_come_back_exactly():
    seen = recentre([Affine(each) for each in AFFINES])
    for old, new in zip(AFFINES, seen.transforms, strict=True):
        assert np.allclose(new.matrix @ seen.mean.matrix, old)


def test_the_start_lays_bodies_on_their_common_centre(head):
    shift = np.array([60.0, -20.0, 8.0])
    other = Volume(head.data, head.grid.placed(
        head.grid.shape, homogeneous(np.eye(3), shift) @ head.grid.affine
    ))  # fmt: skip
    members = [measure_member(each) for each in (head, other)]
    grid, (one, two) = common_grid(members), first_transforms(members)
    assert np.allclose(two.matrix[:3, 3], shift / 2)
    assert np.allclose(one.matrix[:3, 3], -shift / 2)
    assert np.allclose(grid.affine[:3, :3], grid.spacing[0] * np.eye(3))
    assert grid.spacing[0] == pytest.approx((1.3 * 1.1 * 1.9) ** (1 / 3), rel=1e-3)


def test_sharpening_keeps_range_and_can_be_left_out(head):
    image = head.with_data(head.data / head.data.max())
    assert torch.equal(sharpen(image, 0).data, image.data)
    more = sharpen(image, 0.5).data
    assert 0 <= float(more.min()) <= float(more.max()) <= 1
    assert float(more.var()) > float(image.data.var())


@pytest.mark.parametrize("count", range(1, 9))
def test_stages_come_in_order_and_are_as_many_as_asked(count):
    stages = planned_stages(count)
    assert len(stages) == count
    assert stages == tuple(sorted(stages, key=("linear", "coarse", "fine").index))
    assert stages[-1] == "fine"
    assert planned_stages(count, linear=True) == ("linear",) * count


def test_stages_become_finer():
    config = make_config("default")
    linear, coarse, fine = (stage_config(config, s) for s in ("linear", "coarse", "fine"))
    assert linear.transform == "affine"
    assert coarse.field.factors == config.field.factors[:-1]
    assert fine.field == config.field
    assert fine.linear.spacings == config.linear.spacings[:1]
    rigid = make_config("default", transform="rigid")
    assert stage_config(rigid, "linear") == rigid


def test_a_field_that_is_known_is_refined_without_its_coarsest_level(bend):
    config, start = make_config("default"), compose(Affine(np.eye(4)), bend)
    assert stage_config(config, "fine", start).field.factors == config.field.factors[1:]
    assert stage_config(config, "fine", start).field.iterations == config.field.iterations[1:]
    assert stage_config(config, "fine", Affine(np.eye(4))).field == config.field
    fast = make_config("fast")
    assert stage_config(fast, "coarse", start).field.factors == fast.field.factors[:1]


def _group_of(head, bend):
    """One image, deformed to both sides alike by an affine and a smooth field."""
    turn = about(head.grid.centre, rotation([0.0, 0.0, 0.12]))
    there = compose(Affine(turn), bend)
    onto = head.grid.window((-6, -6, -6), tuple(n + 12 for n in head.grid.shape))
    return [warp(head, phi, onto=onto) for phi in (there, there.inverse())]


def _registered(images, config):
    def run(template, starts, stage):
        return [
            register(
                template, each, config=stage_config(config, stage, start), initial=start
            ).transform
            for each, start in zip(images, starts, strict=True)
        ]

    return run


@pytest.fixture(scope="module")
def phantom(head, bend):
    """The template of a group of two that were made of ``head``."""
    images = _group_of(head, bend)
    members = [measure_member(each) for each in images]
    config = make_config("default", similarity="lncc2", threads=1)
    return build_template(
        [lambda each=each: each for each in images], members, _registered(images, config),
        TemplateSettings(iterations=3, voxel=1.3, sharpening=0),
    )  # fmt: skip


def test_a_group_made_of_one_image_gives_that_image_back(phantom, head):
    truth = warp(head, Affine.identity(3), onto=phantom.image.grid).data[0]
    found, inside = phantom.image.data[0], truth > 5
    both = np.stack([each[inside].numpy() for each in (truth, found)])
    assert np.corrcoef(both)[0, 1] > 0.97
    index = phantom.image.grid.world_points()
    centres = [(index * each[..., None]).sum((0, 1, 2)) / each.sum() for each in (truth, found)]
    assert float((centres[0] - centres[1]).norm()) < 0.3  # mm, of images that lie up to 4 apart
    slopes = [
        torch.stack(torch.gradient(each)).norm(dim=0)[inside].mean() for each in (truth, found)
    ]
    assert float(slopes[1] / slopes[0]) > 0.9


def test_the_group_has_no_mean_shape_left(phantom):
    parts = [phi.on(phantom.image.grid) for phi in phantom.transforms]
    mean_log = np.mean([log_affine(matrix) for matrix, _ in parts], axis=0)
    inside = phantom.body.data[0] > 0
    mean = torch.stack([u for _, u in parts]).mean(0)[:, inside].norm(dim=0).mean()
    assert np.abs(mean_log[:3, :3]).max() < 2e-3
    assert np.abs(mean_log[:3, 3]).max() < 0.1
    assert float(mean) < 0.1


def test_images_of_two_dimensions_have_a_template_too():
    x = torch.linspace(-2, 2, 40)
    blob = 100 * torch.exp(-(x[:, None] ** 2 + (x * 1.5) ** 2))
    images = [
        Volume(blob, Grid((40, 40), homogeneous(np.eye(2), [n, -n]))) for n in (0.0, 4.0)
    ]  # fmt: skip
    members = [measure_member(each) for each in images]
    config = make_config("fast", threads=1, similarity="mse")
    made = build_template(
        [lambda each=each: each for each in images], members, _registered(images, config),
        TemplateSettings(iterations=2),
    )  # fmt: skip
    assert made.image.grid.ndim == 2
    shifts = [phi.on(made.image.grid)[0][:2, 2] for phi in made.transforms]
    assert np.allclose(shifts, [[-2, 2], [2, -2]], atol=0.3)
