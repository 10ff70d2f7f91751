"""Motion in numbers: against a formula, and framewise displacement against its definition."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from regkit.geometry.affines import about, homogeneous
from regkit.registration.series.parameters import (
    framewise_displacement,
    motion_parameters,
    sphere_radius,
)


def test_parameters_make_the_motion_again(grid):
    centre = np.array([12.0, -30.0, 44.0])
    turn = Rotation.from_euler("xyz", [0.1, -0.2, 0.05]).as_matrix()
    motion = homogeneous(np.eye(3), [1.0, 2.0, -3.0]) @ about(centre, turn)
    found = motion_parameters([motion], centre)[0]
    assert np.allclose(found, [1.0, 2.0, -3.0, 0.1, -0.2, 0.05])
    x, y, z = (Rotation.from_euler(a, v).as_matrix() for a, v in zip("xyz", found[3:], strict=True))
    assert np.allclose(z @ y @ x, turn)


def test_displacement_is_that_of_power():
    moves = np.zeros((4, 6))
    moves[1] = [0.1, -0.2, 0.3, 0.01, -0.02, 0.0]
    moves[2] = np.nan
    found = framewise_displacement(moves, 50.0)
    assert np.isnan(found[[0, 2, 3]]).all()
    assert found[1] == pytest.approx(0.6 + 50 * 0.03)


@pytest.mark.parametrize(
    ("unit", "asked", "millimetres", "radius"),
    [(1.0, None, True, 50.0), (0.55, None, True, 50.0), (0.1, None, True, 5.0),
     (1.0, 35.0, True, 35.0), (100.0, None, False, 5000.0)],
)  # fmt: skip
def test_the_sphere_is_that_of_a_head_or_grows_with_the_body(unit, asked, millimetres, radius):
    assert sphere_radius(unit, asked, millimetres=millimetres) == radius
