import torch

from regkit import VelocityField


def test_the_inverse_is_the_exponential_of_minus_v(bend, grid):
    phi = VelocityField(bend.u, bend.grid)
    points = grid.world_points()
    torch.testing.assert_close(phi.inverse()(phi(points)), points, atol=0.15, rtol=0)
    assert float((phi(points) - points).norm(dim=-1).max()) > 1


def test_a_constant_velocity_is_a_shift(bend, grid):
    v = torch.ones_like(bend.u) * torch.tensor([1.0, -2.0, 0.5])[:, None, None, None]
    points = grid.world_points()
    moved = VelocityField(v, bend.grid)(points)
    torch.testing.assert_close(moved - points, v[:, 0, 0, 0].double().expand_as(points))


def test_half_the_velocity_twice_is_the_whole(bend, grid):
    half = VelocityField(bend.u / 2, bend.grid)
    whole = VelocityField(bend.u, bend.grid)
    points = grid.world_points()
    torch.testing.assert_close(half(half(points)), whole(points), atol=0.15, rtol=0)
