"""Mass that a warp conserves."""

import pytest
import torch

from regkit.kernels.sampling import sample_unit, unit_points
from regkit.losses.mass import mass_conserved

SHAPES = [(40, 50), (24, 30, 20)]


def _breath(shape):
    """A field that shrinks the middle, at rest at the border; and something dense there."""
    points = unit_points(shape, torch.zeros(()))
    bump = (torch.pi * points).sin().square().prod(1, keepdim=True)
    return 0.25 * (points - 0.5) * bump, bump.square()


@pytest.mark.parametrize("shape", SHAPES, ids=["2d", "3d"])
def test_what_flows_in_and_out_weighs_the_same(shape):
    u, dense = _breath(shape)
    warped = sample_unit(dense, unit_points(shape, u) + u)
    before = float(dense.sum())
    assert abs(float(warped.sum()) - before) > 0.1 * before
    assert abs(float(mass_conserved(warped, u).sum()) - before) < 0.01 * before


def test_a_larger_volume_weighs_more_whatever_the_voxels():
    shape = (6, 5, 9)
    u = unit_points(shape, torch.zeros(())) * torch.tensor([1.0, 0.5, 0.0]).reshape(1, 3, 1, 1, 1)
    found = mass_conserved(torch.full((1, 2, *shape), 0.5), u)
    assert torch.allclose(found, torch.full((1, 2, *shape), 1.5), atol=1e-5)


def test_it_can_be_learned_from():
    u = (0.01 * torch.randn(1, 3, 4, 5, 6, dtype=torch.float64)).requires_grad_()
    warped = torch.rand(1, 1, 4, 5, 6, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(mass_conserved, (warped, u))
