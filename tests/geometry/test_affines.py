import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regkit import InputError
from regkit.geometry.affines import about, apply_affine, as_affine, nearest_rotation, rotation

angles = st.lists(st.floats(-3, 3), min_size=3, max_size=3)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.eye(5), r"shape \(5, 5\); allowed"),
        (np.full((4, 4), np.nan), "not finite; fix the header"),
        (np.ones((4, 4)), r"last row .* it must be 0 \.\.\. 0 1"),
        (np.diag([1.0, 0.0, 1.0, 1.0]), "singular; its columns"),
    ],
)
def test_unusable_affines_are_refused(matrix, said):
    with pytest.raises(InputError, match=said):
        as_affine(matrix)


def test_checked_copies_and_locks():
    given_matrix = np.diag([0.001, 0.001, 0.001, 1.0])  # micrometre voxels are not singular
    out = as_affine(given_matrix)
    given_matrix[0, 0] = 5
    assert out[0, 0] == 0.001
    with pytest.raises(ValueError, match="read-only"):
        out[0, 0] = 1


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_no_size_is_singular(size):
    assert as_affine(np.diag([size, -size, size, 1.0]))[0, 0] == size
    with pytest.raises(InputError, match="singular"):
        as_affine([[size, size, 0.0], [size, size, 0.0], [0.0, 0.0, 1.0]])


@given(angles)
def test_rotations_are_proper(vector):
    turn = rotation(vector)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)


@given(angles)
def test_rotation_has_its_vectors_axis_and_length(vector):
    turn = rotation(vector)
    np.testing.assert_allclose(turn @ vector, vector, atol=1e-9)
    assert np.trace(turn) == pytest.approx(1 + 2 * np.cos(np.linalg.norm(vector)), abs=1e-9)


def test_rotation_in_the_plane_turns_x_to_y():
    np.testing.assert_allclose(rotation([np.pi / 2]) @ [1, 0], [0, 1], atol=1e-12)


def test_about_leaves_its_centre():
    matrix = about([1.0, 2.0, 3.0], rotation([0.3, 0.2, 0.1]) * 1.1)
    np.testing.assert_allclose(apply_affine(matrix, [1.0, 2.0, 3.0]), [1.0, 2.0, 3.0])


def test_nearest_rotation_undoes_stretch_and_mirror():
    turn = rotation([0.3, -0.2, 0.5])
    np.testing.assert_allclose(nearest_rotation(turn @ np.diag([1.2, 0.9, 1.1])), turn, atol=1e-9)
    assert np.linalg.det(nearest_rotation(turn @ np.diag([1.0, 1.0, -1.0]))) == pytest.approx(1)
