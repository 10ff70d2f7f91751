import numpy as np
import pytest
import torch

from regkit import Affine, Chain, InputError, compose
from regkit.geometry.affines import homogeneous, rotation

A = Affine(homogeneous(rotation([0.3, 0.1, -0.4]), [5, -3, 2]))
B = Affine(np.diag([1.1, 0.9, 1.2, 1.0]))


@pytest.fixture
def points(grid):
    return grid.world_points()[4:-4:4, 4:-4:4, 4:-4:4].reshape(-1, 3)


def test_the_right_one_is_applied_first(bend, points):
    torch.testing.assert_close((A @ bend)(points), A(bend(points)))
    torch.testing.assert_close((bend @ A)(points), bend(A(points)))


def test_neighbouring_affines_become_one(bend):
    assert isinstance(A @ B, Affine)
    assert len((A @ B @ bend @ A @ B).links) == 3
    np.testing.assert_allclose((A @ B).matrix, A.matrix @ B.matrix)


def test_composition_is_associative(bend, points):
    left, right = (A @ bend) @ (bend @ B), A @ (bend @ (bend @ B))
    assert isinstance(left, Chain)
    torch.testing.assert_close(left(points), right(points))


def test_the_inverse_goes_back(bend, points):
    phi = A @ bend @ B
    torch.testing.assert_close(phi.inverse()(phi(points)), points, atol=0.1, rtol=0)


def test_one_link_needs_no_chain(bend):
    assert compose(bend) is bend
    assert (A @ bend).ndim == 3


def test_nothing_and_mixed_dimensions_are_refused():
    with pytest.raises(InputError, match="nothing to compose"):
        compose()
    with pytest.raises(InputError, match="2-D and 3-D worlds cannot be composed"):
        compose(A, Affine.identity(2))
