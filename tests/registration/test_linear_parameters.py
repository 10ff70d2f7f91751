import numpy as np
import pytest

from regkit.geometry.affines import about, apply_affine, homogeneous, rotation
from regkit.registration.linear_parameters import Motion

START = about([3.0, -2.0, 5.0], rotation([0.2, 0.1, -0.3])) @ homogeneous(np.eye(3), [4, 5, 6])
CENTRE = np.array([10.0, -20.0, 30.0])


def _motion(kind, planar=False, start=START):
    return Motion.of(kind, start, CENTRE, 12.0, planar=planar)


@pytest.mark.parametrize(
    ("kind", "planar", "count"),
    [("rigid", False, 6), ("rigid", True, 3), ("affine", False, 12), ("affine", True, 6)],
)
def test_motions_have_their_degrees_of_freedom(kind, planar, count):
    motion = _motion(kind, planar)
    assert len(motion.active) == count
    np.testing.assert_array_equal(motion.matrix(np.zeros(count)), START)
    moved = [motion.matrix(np.eye(count)[k]).ravel() for k in range(count)]
    assert np.linalg.matrix_rank(np.array(moved) - START.ravel()) == count


@pytest.mark.parametrize("planar", [False, True])
def test_a_rigid_motion_keeps_lengths(planar):
    motion = _motion("rigid", planar, np.eye(4))
    linear = motion.matrix(np.linspace(-3, 4, len(motion.active)))[:3, :3]
    np.testing.assert_allclose(linear @ linear.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(linear) > 0


@pytest.mark.parametrize("kind", ["rigid", "affine"])
def test_a_planar_motion_keeps_the_third_axis(kind):
    motion = _motion(kind, planar=True, start=np.eye(4))
    matrix = motion.matrix(np.linspace(-3, 4, len(motion.active)))
    np.testing.assert_allclose(matrix[2], [0, 0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(matrix[:, 2], [0, 0, 1, 0], atol=1e-12)


def test_one_unit_moves_the_image_by_about_a_millimetre():
    motion = _motion("affine", start=np.eye(4))
    at_radius = CENTRE + 12 * np.eye(3)
    for unit in np.eye(12):
        matrix = motion.matrix(unit)
        moved = at_radius @ matrix[:3, :3].T + matrix[:3, 3] - at_radius
        assert 0.9 < np.linalg.norm(moved, axis=1).max() < 1.1


@pytest.mark.parametrize("kind", ["rigid", "affine"])
@pytest.mark.parametrize("planar", [False, True])
def test_the_gradient_follows_the_chain_rule(kind, planar):
    motion = _motion(kind, planar)
    at = np.linspace(-1, 1.5, len(motion.active))
    weights = np.arange(12.0).reshape(3, 4) - 5
    gradient = motion.gradient(at, weights)
    for k, unit in enumerate(np.eye(len(at))):
        ends = [(motion.matrix(at + s * unit)[:3] * weights).sum() for s in (1e-5, -1e-5)]
        assert gradient[k] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-5)


def test_distance_is_that_of_points_in_a_ball():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(200_000, 3)) * 30 + [10.0, -20.0, 5.0]
    centre = points.mean(0)
    radius = np.sqrt(((points - centre) ** 2).sum(1).mean())
    motion = Motion.of("rigid", np.eye(4), centre, radius, planar=False)
    one = about(centre, rotation([0.1, 0.2, -0.1]))
    other = homogeneous(np.diag([1.1, 1.0, 0.9]), [3.0, 0.0, -2.0])
    apart = apply_affine(one, points) - apply_affine(other, points)
    wanted = np.sqrt((apart**2).sum(1).mean())
    assert motion.distance(one, other) == pytest.approx(wanted, rel=0.01)
