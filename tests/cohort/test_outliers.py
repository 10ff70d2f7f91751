import numpy as np
import pytest

from regkit.cohort.distributions import distributions
from regkit.cohort.eta import Clock
from regkit.cohort.outliers import CohortOutliers, distances, find_outliers, robust_z
from regkit.cohort.shape import affine_shape
from regkit.geometry.affines import homogeneous, rotation


def test_robust_z_is_that_of_a_normal_distribution():
    drawn = np.random.default_rng(0).normal(5, 3, 20_001)
    z = robust_z(drawn)
    assert np.abs(z - (drawn - 5) / 3).max() < 0.1
    assert np.isnan(robust_z(np.array([1, 2, 3, np.nan, 4]))[3])


def test_values_that_are_nearly_all_the_same():
    z = robust_z(np.array([0.0, 0, 0, 0, 0, 0, 1]))
    assert z[-1] > 3
    assert set(z[:-1]) == {0.0}
    assert set(robust_z(np.ones(9))) == {0.0}
    assert set(robust_z(np.array([1.0, 2, 50]))) == {0.0}


def test_rounding_errors_are_not_odd():
    values = np.array([1e-16, 3e-16, 2e-16, 9e-15])
    assert robust_z(values).max() > 3
    assert robust_z(values, least=0.01).max() < 1e-9


def test_only_the_suspicious_side_counts():
    values = {
        "folding": np.array([0.0, 0.1, 0.2, 0.1, 9]), "dice": np.array([0.9, 0.1, 0.91, 0.89, 0.9])
    }  # fmt: skip
    found = find_outliers(
        values, {"folding": CohortOutliers(1), "dice": CohortOutliers(-1)}, ["a"] * 5
    )
    assert found.by[4] == "folding"
    assert found.by[1] == "dice"
    assert found.score[2] < 3 < min(found.score[1], found.score[4])
    none = find_outliers({}, {}, ["a"] * 2)
    assert (list(none.score), none.by) == ([0, 0], ("", ""))


def test_groups_are_not_compared():
    values = np.array([1.0, 2, 3, 4, 101, 102, 103, 104])
    found = find_outliers(
        {"similarity": values}, {"similarity": CohortOutliers(1)}, ["a"] * 4 + ["b"] * 4
    )
    assert found.score.max() < 2


def test_distance_from_the_shapes_of_a_group():
    shapes = [(0.0, 0.0), (0.1, 0.0), (-0.1, 0.0), (3.0, 4.0), ()]
    away = distances(shapes, ["a"] * 5)
    assert away[3] == pytest.approx(np.hypot(2.95, 4), abs=0.1)
    assert away[:3].max() < 0.2
    assert np.isnan(away[4])


def test_the_shape_of_an_affine_is_its_turn_and_stretch():
    turn = [0.3, -0.2, 0.5]
    stretch = np.diag([1.1, 0.9, 1.3])
    shape = affine_shape(homogeneous(rotation(turn) @ stretch, [50.0, 0, 0]))
    assert len(shape) == 9
    assert np.linalg.norm(shape[:3]) == pytest.approx(np.linalg.norm(turn))
    assert shape[3:] == pytest.approx([np.log(1.1), 0, 0, np.log(0.9), 0, np.log(1.3)])
    angle = affine_shape(np.array([[0.0, -1, 3], [1, 0, 4], [0, 0, 1]]))
    assert angle == pytest.approx((np.pi / 2, 0, 0, 0), abs=1e-12)
    assert np.isfinite(affine_shape(np.diag([-1.0, 1, 1, 1]))).all()


def test_the_end_is_estimated():
    assert Clock(10).note(5, 0, 0).startswith("5/10, 0 s left, until ")
    assert Clock(10).note(5, 2, 5) == "5/10, 2 failed"


def test_a_distribution_needs_two_values():
    entries = [{"dice": 0.0, "folding": 1.0}, {"dice": None}, {"dice": 1.0, "folding": 1.0}]
    (found,) = distributions(["dice", "folding", "absent"], entries)
    assert found.alt == "Distribution of dice over the pairs"
    assert not list(distributions(["folding"], entries))
    many = [{str(n): float(k) for n in range(4)} for k in range(2)]
    assert [each.alt for each in distributions(list("0123"), many)] == [
        "Distribution of 0, 1, 2 over the pairs",
        "Distribution of 3 over the pairs",
    ]
