import numpy as np
import pytest
from scipy import optimize

from regkit.registration.lbfgs import minimize

_STRETCHED = np.diag(np.geomspace(0.1, 30, 12)) + 0.05


def _quadratic(p):
    return float(p @ _STRETCHED @ p / 2 - p.sum()), _STRETCHED @ p - 1


def _rosenbrock(p):
    return float(optimize.rosen(p)), optimize.rosen_der(p)


def _valley(p):  # flat far away, where a first step of length 1 is much too short
    square = float((p * p * [1, 10, 0.1]).sum())
    return np.log1p(square), 2 * p * [1, 10, 0.1] / (1 + square)


class _Counted:
    def __init__(self, cost):
        self.cost, self.calls = cost, 0

    def __call__(self, p):
        self.calls += 1
        return self.cost(p)


@pytest.mark.parametrize(
    ("cost", "start"),
    [
        (_quadratic, np.zeros(12)),
        (_rosenbrock, np.full(2, -1.2)),
        (_rosenbrock, np.full(6, -1.2)),
        (_rosenbrock, np.full(12, -1.2)),
        (_valley, np.array([3.0, -2.0, 5.0])),
    ],
)
def test_it_is_as_good_and_as_quick_as_l_bfgs_b(cost, start):
    ours, theirs = _Counted(cost), _Counted(cost)
    found = minimize(ours, start, iterations=300, tolerance=1e-9)
    peer = optimize.minimize(
        theirs, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-9, "gtol": 1e-9}
    )
    assert found.converged
    assert found.values[-1] == cost(found.at)[0]
    np.testing.assert_allclose(found.at, peer.x, atol=1e-5)
    assert ours.calls <= 1.1 * theirs.calls


def test_no_iteration_is_worse_than_the_one_before():
    found = minimize(_rosenbrock, np.full(6, -1.2), iterations=300, tolerance=1e-9)
    assert all(np.diff(found.values) < 0)


def test_it_ends_after_so_many_iterations():
    found = minimize(_rosenbrock, np.full(6, -1.2), iterations=5, tolerance=1e-9)
    assert len(found.values) == 5
    assert not found.converged


def test_it_ends_where_it_is_told_to():
    seen = []

    def after(at, value):
        seen.append(value)
        return len(seen) == 3

    found = minimize(_rosenbrock, np.full(6, -1.2), iterations=50, tolerance=1e-9, after=after)
    assert found.values == tuple(seen)
    assert len(seen) == 3
    assert not found.converged


def test_a_start_that_is_a_minimum_is_kept():
    found = minimize(_rosenbrock, np.ones(4), iterations=50, tolerance=1e-9)
    assert (found.values, found.converged) == ((), True)
    np.testing.assert_array_equal(found.at, np.ones(4))


def test_a_large_tolerance_ends_early():
    rough = minimize(_quadratic, np.zeros(12), iterations=300, tolerance=1e-2)
    fine = minimize(_quadratic, np.zeros(12), iterations=300, tolerance=1e-12)
    assert rough.converged
    assert len(rough.values) < len(fine.values)


def test_a_wall_is_stepped_back_from():
    def cost(p):  # no number beyond 0.3, where the first step ends
        return (p[0] - 0.2) ** 2 if p[0] < 0.3 else np.nan, np.array([2 * (p[0] - 0.2)])

    found = minimize(cost, np.array([-0.6]), iterations=50, tolerance=1e-12)
    assert found.at[0] == pytest.approx(0.2, abs=1e-6)


def test_where_nothing_is_lower_it_stays():
    found = minimize(lambda p: (0.0, np.ones(2)), np.zeros(2), iterations=50, tolerance=1e-9)
    assert (found.values, found.converged) == ((), False)
    np.testing.assert_array_equal(found.at, np.zeros(2))
