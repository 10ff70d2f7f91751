"""Transforms that are cubic between their nodes, against what a cubic is."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from regkit import Grid, InputError
from regkit.geometry.affines import homogeneous, rotation
from regkit.transforms.bspline import CubicBSpline
from regkit.transforms.cubic_field import CubicField

GRID = Grid((8, 9, 10), homogeneous(rotation([0.2, -0.1, 0.3]) @ np.diag([-2, 1.5, 3]), [5, -6, 7]))


def places(low, margin, count=500):
    random = torch.rand(count, 3, generator=torch.Generator().manual_seed(3)).double()
    return low + random * (torch.tensor(GRID.shape) - 1 - margin - low)


def quadratic(index):
    x, y, z = index.unbind(-1)
    return torch.stack([0.1 * x * x - y, 0.2 * x * z + 1, 0.05 * z * z], -1)


def on_nodes(function):
    index = torch.from_numpy(np.moveaxis(np.indices(GRID.shape), 0, -1)).double()
    return function(index).movedim(-1, 0).contiguous()


def test_a_cubic_field_keeps_its_nodes_and_quadratics():
    field = CubicField(on_nodes(quadratic), GRID)
    nodes = GRID.world_points()
    assert_allclose((field(nodes) - nodes).movedim(-1, 0), field.u, atol=1e-12)
    index = places(1, 1)
    points = GRID.to_world(index)
    assert_allclose(field(points) - points, quadratic(index), atol=1e-12)


@pytest.mark.parametrize("kind", [CubicField, CubicBSpline])
def test_a_cubic_moves_nothing_beyond_what_it_knows(kind):
    field = kind(torch.ones(3, *GRID.shape).double(), GRID)
    rim = 0 if kind is CubicField else 1
    index = torch.tensor([[rim, 3, 3], [rim - 0.2, 3, 3], [7.0 - rim, 3, 3], [7.2 - rim, 3, 3]])
    points = GRID.to_world(index.double())
    assert_allclose(field(points) - points, [[1] * 3, [0] * 3, [1] * 3, [0] * 3], atol=1e-9)


def test_a_cubic_field_as_a_linear_one_and_back():
    bend = CubicField(0.1 * on_nodes(lambda index: torch.sin(index / 3)), GRID)
    points = GRID.to_world(places(2, 2))
    assert_allclose(bend.displacement(points), bend(points), atol=1e-3)
    assert_allclose(bend.inverse()(bend(points)), points, atol=1e-3)


def test_bad_cubic_fields():
    with pytest.raises(InputError, match="does not fit the grid"):
        CubicField(torch.zeros(3, 4, 4, 4), GRID)
    with pytest.raises(InputError, match="two nodes along each axis"):
        CubicField(torch.zeros(3, 1, 4, 4), Grid((1, 4, 4), np.eye(4)))
