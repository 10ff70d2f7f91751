import numpy as np
import pytest
import torch

from regkit import DisplacementField, Grid, InputError, NotInvertibleError


def test_it_moves_voxel_centres_by_what_they_hold(bend):
    points = bend.grid.world_points()
    expected = points + bend.u.movedim(0, -1)
    torch.testing.assert_close(bend(points), expected, atol=1e-5, rtol=0)


def test_the_bend_is_worth_testing_with(bend):
    assert float(bend.u.abs().max()) > 1.5


def test_beyond_its_grid_nothing_moves(bend):
    far = torch.from_numpy(bend.grid.centre + 500)[None]
    torch.testing.assert_close(bend(far), far)


def test_world_units_and_voxels_are_one_map(bend):
    index = bend.index_displacement()
    x = bend.grid.world_points()
    through_index = bend.grid.to_world(bend.grid.to_index(x) + index.movedim(0, -1).double())
    torch.testing.assert_close(bend(x), through_index, atol=1e-5, rtol=0)


def test_the_inverse_goes_back_and_says_how_far_off_it_is(bend, grid):
    inverse = bend.inverse()
    assert _error(bend, inverse, inverse.grid) <= inverse.residual * 1.01
    assert inverse.residual < 0.005
    # Between the voxels of the field, only its interpolation is left.
    assert _error(bend, inverse, grid) < 0.1
    assert bend.residual == 0


def test_it_works_in_the_plane():
    plane = Grid((30, 40), [[0.0, -2.0, 5.0], [1.5, 0.0, 1.0], [0.0, 0.0, 1.0]])
    away = (plane.world_points() - torch.from_numpy(plane.centre)) / 12
    fade = torch.exp(-away.square().sum(-1))
    phi = DisplacementField(torch.stack([2 * fade, -1.5 * fade]), plane)
    points = plane.world_points()[5:-5, 5:-5]
    torch.testing.assert_close(phi(phi.inverse()(points)), points, atol=0.01, rtol=0)


def test_a_folding_field_has_no_inverse(generator):
    noise = 6 * torch.randn(3, 20, 20, 20, generator=generator)
    with pytest.raises(NotInvertibleError, match=r"folds: .* % of its voxels have no inverse"):
        DisplacementField(noise, Grid((20, 20, 20), np.eye(4))).inverse()


def test_a_field_must_fit_its_grid(grid):
    with pytest.raises(InputError, match=r"it must be \(3, 24, 28, 20\)"):
        DisplacementField(torch.zeros(3, 4, 5, 6), grid)


def _error(phi, inverse, grid):
    points = grid.world_points()
    return float((phi(inverse(points)) - points).norm(dim=-1).max())
