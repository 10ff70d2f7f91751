"""Change between two visits, against the phantom's truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from probes.phantom import known_changes
from probes.progression import ProgressionConfig, measure_progression
from probes.progression.halfway import mean_rigid
from probes.progression.knots import Knots
from probes.progression.steps import Roughness, outer_products, solve_step
from regkit.errors import InputError
from regkit.geometry.affines import homogeneous, rotation
from regkit.geometry.world import World
from regkit.kernels.smoothing import gaussian
from regkit.volume import Labels, Volume

from .conftest import followed

QUICK = ProgressionConfig(factors=(1,), iterations=(8,), repeats=0)


def _pose(course):
    first, second = (visit.pose for visit in course.visits)
    return np.linalg.inv(second) @ first


def _true(grown):
    course, _, labels = grown
    return known_changes(course, labels[0], *course.visits, (1, 2))


@pytest.fixture(scope="module")
def forth(grown):
    course, scans, labels = grown
    return measure_progression(*scans, labels[0], config=QUICK, rigid=_pose(course))


def test_a_known_change_is_found(grown, forth):
    truth = _true(grown)
    ventricle, tissue = forth.changes
    assert truth[1] > 4.5
    assert ventricle.percent == pytest.approx(truth[1], abs=0.3)
    assert tissue.percent == pytest.approx(truth[2], abs=0.3)
    assert forth.plausible


def test_exchanging_the_visits_changes_the_sign(grown, forth):
    course, scans, labels = grown
    back = measure_progression(
        *reversed(scans), labels[1], config=QUICK, rigid=np.linalg.inv(_pose(course))
    )
    assert float((forth.found.v + back.found.v).abs().max()) < 1e-3
    assert float(forth.found.v.abs().max()) > 0.1
    # The labels of the two visits are not quite of one region: hence a tenth of a percent.
    for there, again in zip(forth.changes, back.changes, strict=True):
        assert there.percent_of_mean == pytest.approx(-again.percent_of_mean, abs=0.15)


def test_no_change_is_found_where_there_is_none(anatomy):
    course, scans, labels = followed(anatomy, 0.0, seed=2)
    found = measure_progression(*scans, labels[0], config=QUICK, rigid=_pose(course))
    assert abs(found.changes[0].percent) < 0.3


def test_one_image_for_both_visits_changes_by_exactly_nothing(grown):
    _, scans, labels = grown
    found = measure_progression(scans[0], scans[0], labels[0], config=QUICK)
    assert [each.percent for each in found.changes] == [0.0, 0.0]
    assert float((found.jacobian.data - 1).abs().max()) == 0


def test_noise_gives_an_interval(grown):
    course, scans, labels = grown
    config = QUICK.model_copy(update={"repeats": 1})
    found = measure_progression(*scans, labels[0], config=config, rigid=_pose(course))
    change = found.changes[0]
    low, high = change.interval
    assert (low + high) / 2 == pytest.approx(change.percent)
    assert 0 < change.error < 0.8
    # One repeat says next to nothing of a standard error, and of 0 in the interval there is a note.
    assert high - change.percent == pytest.approx(12.706 * change.error, rel=1e-3)
    said = [each for each in found.notes if "holds 0: noise alone could make" in each]
    assert len(said) == sum(each.interval[0] < 0 < each.interval[1] for each in found.changes)


def test_noise_does_not_make_a_change_larger(anatomy):
    """Of noise and its opposite the first order cancels; what is left of it on average is bias."""
    course, scans, labels = followed(anatomy, 5.0, seed=1, noise=(0.0, 0.0), gain=0.0)
    draw = torch.Generator().manual_seed(0)
    noise = [4.0 * torch.randn(scan.data.shape, generator=draw) for scan in scans]
    config = QUICK.model_copy(update={"rician": False, "least_noise": 0.15})

    def change(share):
        noisy = [a.with_data(a.data + share * b) for a, b in zip(scans, noise, strict=True)]
        found = measure_progression(*noisy, labels[0], config=config, rigid=_pose(course))
        return found.changes[0].percent

    assert abs(change(1) - change(-1)) > 0.05
    assert (change(1) + change(-1)) / 2 == pytest.approx(change(0), abs=0.12)


def test_without_labels_the_foreground_counts_and_a_note_says_so(grown):
    course, scans, _ = grown
    found = measure_progression(*scans, config=QUICK, rigid=_pose(course))
    assert [each.name for each in found.changes] == ["foreground"]
    assert "No labels were given" in found.notes[0]


def test_an_empty_structure_is_named_and_not_a_number(grown):
    course, scans, labels = grown
    found = measure_progression(
        *scans, labels[0], structures={"ventricle": (1,), "absent": (9,)}, config=QUICK,
        rigid=_pose(course),
    )  # fmt: skip
    known, absent = found.changes
    assert math.isfinite(known.percent)
    assert math.isnan(absent.percent)
    assert "has 9" in absent.reason


def test_two_people_are_doubted(grown):
    course, scans, labels = grown
    draw = torch.Generator().manual_seed(3)
    noise = torch.randn((1, 1, 9, 9, 9), generator=draw)
    blobs = torch.nn.functional.interpolate(noise, scans[1].shape, mode="trilinear")[0]
    other = scans[1].with_data((scans[1].data.flip(1) * (1 + 0.5 * blobs)).clamp(min=0))
    found = measure_progression(scans[0], other, labels[0], config=QUICK, rigid=_pose(course))
    assert not found.plausible


def test_bad_input_is_named(grown):
    _, (first, second), labels = grown
    elsewhere = replace(second, grid=replace(second.grid, world=World("m")))
    with pytest.raises(InputError, match="world"):
        measure_progression(first, elsewhere)
    shifted = Labels(labels[0].data, labels[0].grid.window((1, 0, 0), first.shape), "shifted.nii")
    with pytest.raises(InputError, match=r"shifted\.nii: lies on"):
        measure_progression(first, second, shifted)
    flat = Volume(first.data[:, 0], np.eye(3), "flat.png")
    with pytest.raises(InputError, match=r"flat\.png: has 2 axes"):
        measure_progression(flat, second)
    with pytest.raises(InputError, match="is a label map"):
        measure_progression(labels[0], second)
    with pytest.raises(ValueError, match="same length"):
        ProgressionConfig(factors=(1,), iterations=(1, 2))


def test_the_mean_motion_of_exchanged_visits_is_the_inverse():
    there = homogeneous(rotation([0.1, 0.2, -0.1]), [3.0, -1.0, 2.0])
    back = homogeneous(rotation([-0.11, -0.18, 0.1]), [-3.2, 1.1, -2.0])
    assert np.allclose(mean_rigid(there, back) @ mean_rigid(back, there), np.eye(4), atol=1e-10)
    assert np.allclose(mean_rigid(there, np.linalg.inv(there)), there)


def test_knots_have_their_transpose_and_fit_their_own_fields():
    knots, draw = Knots((11, 8, 9), 2.0), torch.Generator().manual_seed(0)
    inside = gaussian(torch.randn(3, *knots.counts, generator=draw), 1.0)
    outside = torch.randn(3, *knots.shape, generator=draw)
    left = (knots.field(inside) * outside).double().sum()
    right = (inside * knots.transpose(outside)).double().sum()
    assert float(left) == pytest.approx(float(right), rel=1e-4)
    field = knots.field(inside)
    inner = (slice(None), *[slice(2, -2)] * 3)  # beyond the rim knots are hardly seen
    assert torch.allclose(knots.field(knots.fit(field))[inner], field[inner], atol=0.02)


def test_a_step_solves_its_equation():
    draw = torch.Generator().manual_seed(0)
    slopes, force = (torch.randn(3, 6, 7, 5, generator=draw) for _ in range(2))
    curvature, roughness = outer_products(slopes), Roughness(0.5, 0.2)
    curvature[:3] += 1
    step = solve_step(curvature, force, roughness)
    along = (slopes * step).sum(0) * slopes + step + roughness.slope(step)
    assert float((along - force).abs().max()) < 0.02 * float(force.abs().max())
