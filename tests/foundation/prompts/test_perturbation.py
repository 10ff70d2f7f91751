"""What all perturbations have in common, seeds, and the paper's own operators."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from foundation.prompts import Box, PointPrompt, Prompts, points_of_mask, seed_of
from foundation.prompts.perturbations import PERTURBATIONS, perturbation_called
from regkit import Volume
from regkit.errors import InputError

OF_MASKS = [each.name for each in PERTURBATIONS if each.takes.value == "mask"]
NAMES = [each.name for each in PERTURBATIONS]


def _magnitude(name):
    return {"share": 0.5, "degrees": 20.0}.get(perturbation_called(name).unit, 2)


@pytest.fixture
def whole(ball):
    mask = ball(9.0)
    points = points_of_mask(mask, positive=3, negative=2)
    return Prompts(mask=mask, points=points, boxes=(Box((0, 0, 1), (9, 9, 1)),))


@pytest.mark.parametrize("name", NAMES)
def test_magnitude_zero_changes_nothing(whole, draw, name):
    made = perturbation_called(name).perturb(whole, 0, draw)
    assert made.prompts is whole
    assert (made.nominal, made.realised, made.clipped, made.empty) == (0, 0, False, False)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes_whatever_came_before(whole, name):
    def made(order):
        out = {}
        for case in order:
            seed = seed_of(3, case, 4, name, _magnitude(name))
            rng = np.random.default_rng(seed)
            changed = perturbation_called(name).perturb(whole, _magnitude(name), rng).prompts
            box, points = changed.boxes[0], changed.points
            data = changed.mask.data.numpy().tobytes()
            out[case] = (data, box, points.points.xyz.tolist(), points.positive.tolist())
        return out

    assert made(["a", "b", "c"]) == made(["c", "a", "b"])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_to_be_random_is_and_the_rest_is_not(whole, name):
    perturbation = perturbation_called(name)
    drawn = [
        perturbation.perturb(whole, _magnitude(name), np.random.default_rng(seed)).prompts
        for seed in range(6)
    ]
    differing = {
        (each.mask.data.numpy().tobytes(), str(each.boxes), str(each.points.points.xyz),
         str(each.points.positive))
        for each in drawn
    }  # fmt: skip
    assert (len(differing) > 1) is perturbation.is_random


def test_seeds_are_of_their_content_and_the_same_in_every_process():
    args = (0, "case-1", 4, "shift", 2.0)
    seed = seed_of(*args)
    changed = [(1, *args[1:]), (0, "case-2", *args[2:]), (0, "case-1", 5, *args[3:])]
    changed += [(*args[:2], "4", *args[3:]), (*args[:3], "rotate", 2.0), (*args[:4], 2.5)]
    assert len({seed, *(seed_of(*each) for each in changed)}) == len(changed) + 1
    assert seed_of(0, "case-1", 4, "shift", 2) == seed
    code = f"from foundation.prompts import seed_of; print(seed_of(*{args!r}))"
    env = {**os.environ, "PYTHONHASHSEED": "11"}
    out = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert int(out.stdout) == seed


@pytest.mark.parametrize("name", OF_MASKS)
def test_an_empty_mask_is_a_status(brick, draw, name):
    prompts = Prompts(mask=Volume(torch.zeros_like(brick.data), brick.grid))
    made = perturbation_called(name).perturb(prompts, _magnitude(name), draw)
    assert made.empty
    assert made.prompts is prompts
    assert math.isnan(made.realised)


@pytest.mark.parametrize(("name", "magnitude"), [("erode", 30), ("cube_erode", 8), ("partial", 1)])
def test_nothing_left_is_a_status(brick, draw, name, magnitude):
    made = perturbation_called(name).perturb(Prompts(mask=brick), magnitude, draw)
    assert made.empty
    assert math.isnan(made.realised)
    assert not made.prompts.mask.data.any()


def test_a_structure_that_leaves_the_field_of_view_is_a_status(brick, draw):
    made = perturbation_called("shift").perturb(Prompts(mask=brick), 200.0, draw)
    assert made.empty
    assert made.clipped


def test_one_voxel_and_a_full_mask_can_be_perturbed(brick, draw):
    one = torch.zeros_like(brick.data)
    one[0, 5, 5, 5] = 1
    for data in (one, torch.ones_like(brick.data)):
        for name in OF_MASKS:
            made = perturbation_called(name).perturb(
                Prompts(mask=brick.with_data(data)), _magnitude(name), draw
            )
            assert made.empty == (not made.prompts.mask.data.any())


def test_magnitudes_are_relative_to_the_inscribed_radius(ball, draw):
    made = perturbation_called("dilate").perturb(
        Prompts(mask=ball(18.0, (1.0, 1.0, 1.0), room=8.0)), 3.0, draw
    )
    assert made.relative == pytest.approx(3 / 18, rel=0.05)


def test_what_is_not_perturbed_stays(whole, draw):
    made = perturbation_called("dilate").perturb(whole, 2.0, draw).prompts
    assert made.points is whole.points
    assert made.boxes == whole.boxes


@pytest.mark.parametrize(
    ("name", "magnitude", "message"),
    [
        ("dilate", -1.0, "magnitude -1.0; allowed: a finite number, 0 or more"),
        ("dilate", math.inf, "magnitude inf"),
        ("partial", 1.5, "allowed: a share from 0 to 1"),
        ("cube_dilate", 1.5, "allowed: a whole number of voxels"),
    ],
)
def test_a_magnitude_that_is_none_is_refused(brick, draw, name, magnitude, message):
    with pytest.raises(InputError, match=message):
        perturbation_called(name).perturb(Prompts(mask=brick), magnitude, draw)


def test_prompts_of_another_kind_are_refused(brick, draw):
    message = "jitter_box perturbs a prompt of the kind box; the prompts hold mask"
    with pytest.raises(InputError, match=message):
        perturbation_called("jitter_box").perturb(Prompts(mask=brick), 1.0, draw)


def test_an_unknown_name_is_refused_with_one_that_is_near():
    with pytest.raises(InputError, match="did you mean 'boundary_noise'"):
        perturbation_called("boundary_noize")


@pytest.mark.parametrize("radius", [1, 2, 4])
@pytest.mark.parametrize("start", [(8, 9, 7), (0, 9, 7), (20, 24, 15)])
def test_cubes_are_those_of_the_paper(brick, draw, radius, start):
    data = torch.zeros_like(brick.data)
    data[(0, *(slice(n, n + 6) for n in start))] = 1
    prompts = Prompts(mask=brick.with_data(data))

    def pooled(mask):
        return functional.max_pool3d(mask, 2 * radius + 1, stride=1, padding=radius)

    mask = data[None].float()
    eroded = 1 - pooled(1 - mask)
    expected = {"cube_dilate": pooled(mask), "cube_erode": eroded, "cube_hole": mask - eroded}
    for name, wanted in expected.items():
        made = perturbation_called(name).perturb(prompts, radius, draw)
        assert torch.equal(made.prompts.mask.data, wanted[0].to(torch.uint8))


def test_the_shift_of_the_paper_has_its_range(brick, centroid):
    seen = set()
    for seed in range(300):
        made = perturbation_called("paper_shift").perturb(
            Prompts(mask=brick), 3, np.random.default_rng(seed)
        )
        index = torch.nonzero(made.prompts.mask.data[0]).min(dim=0).values
        seen.update((axis, int(n) - (8, 9, 7)[axis]) for axis, n in enumerate(index))
    assert seen == {(axis, n) for axis in range(3) for n in range(-3, 3)}


def test_a_point_prompt_alone_has_no_relative_magnitude(draw):
    points = PointPrompt(points_of_mask_at_origin())
    made = perturbation_called("misplace_points").perturb(Prompts(points=points), 2.0, draw)
    assert math.isnan(made.relative)
    assert not made.clipped


def points_of_mask_at_origin():
    from regkit.volume import Points

    return Points(torch.zeros(1, 3))
