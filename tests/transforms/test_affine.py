import numpy as np
import pytest
import torch

from regkit import Affine, InputError, Points
from regkit.geometry.affines import homogeneous, rotation

TURN = Affine(homogeneous(rotation([0.3, 0.1, -0.4]) * 1.1, [5, -3, 2]))


def test_it_maps_as_its_matrix_says(generator):
    points = torch.rand(7, 3, generator=generator, dtype=torch.float64)
    expected = points.numpy() @ TURN.matrix[:3, :3].T + TURN.matrix[:3, 3]
    np.testing.assert_allclose(TURN(points), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_type_and_shape_of_points_are_kept(dtype):
    out = TURN(torch.zeros(2, 5, 3, dtype=dtype))
    assert (out.shape, out.dtype) == ((2, 5, 3), dtype)


def test_the_inverse_is_exact(generator):
    points = torch.rand(7, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(TURN.inverse()(TURN(points)), points)


def test_a_singular_matrix_is_refused():
    with pytest.raises(InputError, match="affine transform is singular"):
        Affine(np.diag([1.0, 1.0, 0.0, 1.0]))


def test_landmarks_keep_their_names():
    mapped = TURN.map_points(Points(torch.zeros(1, 3), ("nose",)))
    assert mapped.names == ("nose",)
    assert mapped.xyz.tolist() == [[5, -3, 2]]


def test_points_may_be_lists_arrays_whole_numbers_and_landmarks():
    phi = Affine(homogeneous(np.eye(3), [0.5, 0.0, -1.0]))
    expected = [[1.5, 2.0, 2.0]]
    assert phi([[1, 2, 3]]).tolist() == expected
    assert phi(np.array([[1, 2, 3]])).tolist() == expected
    assert phi((1, 2, 3)).tolist() == expected[0]
    assert phi(torch.tensor([[1, 2, 3]])).tolist() == expected
    assert phi(torch.tensor([[1.0, 2, 3]])).dtype is torch.float32
    moved = phi(Points(torch.tensor([[1.0, 2, 3]]), ("tip",)))
    assert (moved.xyz.tolist(), moved.names) == (expected, ("tip",))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([[1, 2]], r"points have shape \(1, 2\) and the transform is 3-D"),
        (torch.zeros(4), "the transform is 3-D; their last axis must hold 3"),
        (5.0, r"points have shape \(\)"),
        ("tip", "points are str, which holds no table of numbers"),
        ([[1, 2, 3], [4]], "points are list, which holds no table of numbers"),
        (None, "shape"),
    ],
)
def test_what_is_no_table_of_points_is_refused(points, said):
    with pytest.raises(InputError, match=said):
        Affine.identity()(points)


def test_repr_is_one_line():
    assert repr(Affine(np.diag([2.0, 1, 1]))) == "Affine([2 0 0; 0 1 0])"
