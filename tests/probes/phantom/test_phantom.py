"""The longitudinal phantom: its truth against other ways to it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import regkit as rk
from probes.flow import Flow
from probes.phantom import (
    Anatomy,
    AtrophyRates,
    acquire,
    acquire_labels,
    atrophy_velocity,
    known_changes,
    known_volumes,
    random_course,
    write_phantom,
)
from regkit.cohort.table import read_pair_table
from regkit.errors import InputError
from regkit.resample import values_at
from regkit.volume import Labels, Volume

GROUPS = {"core": (5,), "shell": (2,)}
STILL = {"turn": 0.0, "shift": 0.0, "shape": 0.0}


@pytest.fixture(scope="module")
def anatomy(head, parts):
    return Anatomy(head, parts, {1: "outer", 2: "shell", 5: "core"})


@pytest.fixture(scope="module")
def rates():
    return AtrophyRates(GROUPS, {"core": 6.0, "shell": -3.0}, rest=-1.0)


@pytest.fixture(scope="module")
def course(anatomy, rates):
    return random_course(anatomy, "01", rates, seed=3, shape=1.0, years=(0.0, 1.0, 2.0))


def test_a_flow_and_its_inverse_lead_back(course, anatomy):
    points = np.concatenate(list(anatomy.points_in(anatomy.mask_of((5,)))))
    there, growth = course.shape.carried(points)
    back, shrinkage = course.shape.times(-1).carried(there)
    assert np.abs(there - points).max() > 0.3
    assert np.abs(back - points).max() < 1e-3
    assert np.abs(growth + shrinkage).max() < 1e-3


def test_growth_is_the_determinant_of_finite_differences(course, anatomy):
    points = next(iter(anatomy.points_in(anatomy.mask_of((2,)))))[::7]
    step = 1e-4
    sides = [
        [course.shape.carried(points + sign * step * axis)[0] for sign in (1, -1)]
        for axis in np.eye(3)
    ]
    slopes = np.stack([(ahead - behind) / (2 * step) for ahead, behind in sides], axis=-1)
    growth = course.shape.carried(points)[1]
    assert np.allclose(np.exp(growth), np.linalg.det(slopes), atol=2e-4)


def test_groups_begin_to_change_at_their_rates(anatomy, rates):
    slow = 1e-3
    course = random_course(anatomy, "01", rates, seed=0, years=(0.0, slow), **STILL)
    first, second = known_volumes(anatomy, course).values()
    for structure, rate in ((5, 6.0), (2, -3.0), (1, -1.0)):
        change = 100 * (second[structure] / first[structure] - 1) / slow
        assert change == pytest.approx(rate, abs=0.01)


def test_volumes_are_those_of_finely_sampled_labels(anatomy, course):
    """One random point in each small cell: a count without the beat of two lattices."""
    known, draw = known_volumes(anatomy, course), np.random.default_rng(0)
    visit = course.visits[2]
    fine = visit.grid.with_spacing(0.3)
    points = fine.world_points().numpy().reshape(-1, 3)
    points += (draw.random(points.shape) - 0.5) @ fine.affine[:3, :3].T
    source = torch.from_numpy(course.to_source(visit, points))
    labels = values_at(anatomy.labels, source)[0]
    for structure in (1, 2):
        counted = int((labels == structure).sum()) * fine.voxel_volume
        assert counted == pytest.approx(known[visit.name][structure], rel=5e-3)


def test_the_region_of_labels_changes_about_as_the_structure_does(anatomy, course):
    first, second = course.visits[:2]
    fine = replace(first, grid=first.grid.with_spacing(0.5))
    found = known_changes(course, acquire_labels(anatomy, course, fine), fine, second, (1, 2))
    known = known_volumes(anatomy, course)
    for structure, change in found.items():
        truth = known["02"][structure] / known["01"][structure] - 1
        assert change == pytest.approx(100 * truth, abs=0.15)


def test_nothing_changes_at_rates_of_zero(anatomy):
    none = AtrophyRates(GROUPS, dict.fromkeys(GROUPS, 0.0))
    course = random_course(anatomy, "01", none, seed=1)
    first, second = known_volumes(anatomy, course).values()
    assert first == pytest.approx(second, rel=1e-9)


def test_a_person_who_lies_still_is_the_source_itself(anatomy, rates):
    course = random_course(
        anatomy, "01", rates, seed=0, years=(0.0,), noise=(0.0,), gain=0.0, **STILL
    )
    scan = acquire(anatomy, course, course.visits[0])
    source = rk.warp(anatomy.image, rk.Affine.identity(), onto=scan.grid)
    assert torch.allclose(scan.data, source.data.clamp(min=0), atol=1e-3)


def test_noise_is_rician(anatomy, rates):
    course = random_course(anatomy, "01", rates, seed=0, noise=(0.1,), gain=0.0)
    scan = acquire(anatomy, course, course.visits[0])
    clean = acquire(anatomy, course, replace(course.visits[0], noise=0.0))
    dark = scan.data[clean.data < 0.05]
    white = np.percentile(anatomy.image.data[0][anatomy.labels.data[0] > 0], 95)
    assert float(dark.mean()) == pytest.approx(0.1 * white * np.sqrt(np.pi / 2), rel=0.03)


def test_a_seed_gives_the_same_bytes(anatomy, rates):
    one, other, third = (
        random_course(anatomy, "01", rates, seed=seed, years=(0.0,)) for seed in (4, 4, 5)
    )
    scans = [acquire(anatomy, each, each.visits[0]).data for each in (one, other, third)]
    assert torch.equal(scans[0], scans[1])
    assert not torch.equal(scans[0], scans[2])


def test_larger_voxels_are_the_mean_of_what_lies_in_them(anatomy, rates):
    course = random_course(
        anatomy, "01", rates, seed=0, years=(0.0,), noise=(0.0,), gain=0.0, spacing=3.0, **STILL
    )
    scan = acquire(anatomy, course, course.visits[0])
    assert min(scan.spacing) > 2.5
    mean = float(scan.data.double().sum()) * scan.grid.voxel_volume
    assert mean == pytest.approx(
        float(anatomy.image.data.double().sum()) * anatomy.grid.voxel_volume, rel=0.01
    )


def test_a_phantom_is_a_tree_that_tables_and_bids_readers_know(anatomy, course, tmp_path):
    folder = write_phantom([(anatomy, course)], tmp_path / "phantom")
    table = read_pair_table(folder / "visits.tsv")
    assert len(table.records) == 3
    first = table.records[0].values
    assert first["subject"] == "01"
    assert first["rate_core"] == "6"
    image, labels = rk.read(folder / first["image"]), rk.read_labels(folder / first["labels"])
    assert labels.grid.lies_on(image.grid)
    known = [row.values for row in read_pair_table(folder / "known_volumes.tsv").records]
    changes = {
        row["label"]: float(row["change_percent"]) for row in known if row["session"] == "02"
    }
    assert changes["5"] == pytest.approx(6.0, abs=0.6)
    assert not list(tmp_path.glob(".phantom*"))


def test_the_tree_is_a_bids_data_set(anatomy, course, tmp_path):
    pytest.importorskip("bids2table")
    from regkit.cohort.bids import read_bids

    few = replace(course, visits=course.visits[:2])
    found = read_bids(write_phantom([(anatomy, few)], tmp_path / "phantom"), {"suffix": "T1w"})
    assert [record.values["session"] for record in found.records] == ["01", "02"]


def test_bad_input_is_named(head, parts, anatomy, rates, course, tmp_path):
    shifted = Labels(parts.data, parts.grid.window((1, 0, 0), parts.shape), "shifted.nii.gz")
    empty = Labels(torch.zeros_like(parts.data), parts.grid, "empty.nii.gz")
    for labels, message in ((shifted, r"shifted\.nii\.gz: lies on"), (empty, "holds no structure")):
        with pytest.raises(InputError, match=message):
            Anatomy(head, labels, {})
    two = Volume(torch.cat([head.data, head.data]), head.grid, "two.nii.gz")
    with pytest.raises(InputError, match="one channel"):
        Anatomy(two, parts, {})
    with pytest.raises(InputError, match="one rate for each group"):
        AtrophyRates(GROUPS, {"core": 1.0})
    with pytest.raises(InputError, match="group 'absent'"):
        atrophy_velocity(anatomy, AtrophyRates({"absent": (9,)}, {"absent": 1.0}))
    with pytest.raises(InputError, match="first visit must be at 0"):
        random_course(anatomy, "01", rates, seed=0, years=(1.0,))
    with pytest.raises(InputError, match="nobody"):
        write_phantom([], tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="exists"):
        write_phantom([(anatomy, course)], tmp_path)
    with pytest.raises(InputError, match="two people"):
        write_phantom([(anatomy, replace(course, visits=course.visits[:1]))] * 2, tmp_path / "two")


def test_a_flow_of_nothing_moves_nothing(grid):
    still = Flow.of(np.zeros((3, *grid.shape)), grid)
    points = grid.world_points().numpy().reshape(-1, 3)
    moved, growth = still.carried(points)
    assert np.abs(moved - points).max() < 1e-9
    assert not growth.any()
