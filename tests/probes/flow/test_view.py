"""An image seen from another grid: values, slopes, and what becomes of its noise."""

import numpy as np
import pytest
import torch

from probes.flow import SplineImage, SplineView
from regkit import Grid, Volume
from regkit.geometry.affines import homogeneous, rotation
from regkit.kernels.smoothing import gaussian


@pytest.fixture(scope="module")
def image():
    """Anisotropic, oblique and left-handed."""
    draw = torch.Generator().manual_seed(0)
    linear = rotation([0.2, -0.1, 0.3]) @ np.diag([-1.0, 1.3, 2.0])
    data = gaussian(torch.randn(1, 22, 18, 14, generator=draw), 1.0)
    return Volume(data[0], Grid((22, 18, 14), homogeneous(linear, [5.0, -3.0, 2.0])))


@pytest.fixture(scope="module")
def other(image):
    """A smaller grid along one axis and a larger one along another, around the same place."""
    middle = image.grid.centre
    start = middle - np.array([7.0, 12.0, 7.0])
    return image.grid.placed((15, 25, 15), homogeneous(np.eye(3), start))


WAY = homogeneous(rotation([0.05, 0.1, -0.08]), [0.4, -0.3, 0.2])


def _shift(grid, vector):
    return torch.tensor(vector)[:, None, None, None].expand(3, *grid.shape).contiguous()


def test_its_values_are_those_of_the_spline_at_the_moved_places(image, other):
    view, u = SplineView(image, other, WAY), _shift(other, [0.3, -0.2, 0.4])
    inside = view.shown
    values, _ = view.warped(u, torch.ones(other.shape))
    points = other.world_points().numpy().reshape(-1, 3) + np.array([0.3, -0.2, 0.4])
    wanted = SplineImage(image).at(points @ WAY[:3, :3].T + WAY[:3, 3]).reshape(other.shape)
    assert 0 < int(inside.sum()) < inside.numel()
    deep = inside & (torch.from_numpy(wanted) != 0)
    assert np.allclose(values[deep], wanted[deep.numpy()], atol=1e-4)


def test_its_slopes_are_along_the_axes_of_the_grid(image, other):
    view, weight = SplineView(image, other, WAY), torch.ones(other.shape)
    _, slopes = view.warped(_shift(other, [0.1, 0.1, 0.1]), weight)
    for axis in range(3):
        ends = [[0.1] * 3, [0.1] * 3]
        ends[0][axis], ends[1][axis] = 0.09, 0.11
        low, high = (view.warped(_shift(other, end), weight)[0] for end in ends)
        assert torch.allclose(slopes[axis], (high - low) / 0.02, atol=2e-3)
    assert float(view.warped(_shift(other, [0.0] * 3), 0 * weight)[0].abs().max()) == 0


def test_noise_grows_less_between_voxels_as_it_says():
    """Of many draws of white noise, seen as far off their voxels, the variance is counted."""
    grid, draw = Grid((48, 48, 48), np.eye(4)), torch.Generator().manual_seed(1)
    view = SplineView(Volume(torch.randn(grid.shape, generator=draw), grid), grid, np.eye(4))
    inner = (slice(4, -4),) * 3

    def variance(along):
        values, _ = view.warped(_shift(grid, [along, 0.0, 0.0]), torch.ones(grid.shape))
        return float(values[inner].square().mean())

    for along in (0.25, 0.5, 0.8):
        said = float(view.noise_slopes(_shift(grid, [along, 0.0, 0.0]))[0, 9, 9, 9])
        counted = (variance(along + 0.05) - variance(along - 0.05)) / 0.1
        assert said == pytest.approx(counted, abs=0.05)
    assert variance(0.5) < 0.8 * variance(0.0)
