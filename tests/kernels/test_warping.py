import numpy as np
import pytest
import torch

from regkit.geometry.affines import homogeneous, rotation
from regkit.kernels.fields import identity_index
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import affine_force, warp_force, warp_index

SHAPES = [((9, 10, 11), (8, 7, 12)), ((1, 10, 11), (1, 9, 8))]


@pytest.fixture(params=SHAPES, ids=str)
def problem(request, draw):
    """Image, matrix, displacement and upstream gradient; parts lie outside the image."""
    source, target = request.param
    turn = rotation([0.3, 0.0, 0.0] if source[0] == 1 else [0.2, -0.1, 0.3])
    matrix = homogeneous(turn * 1.05, [0.0, 0.7, -0.4])
    u = draw(3, *target)
    if source[0] == 1:
        u[0] = 0
    return draw(2, *source), matrix, u, draw(2, *target)


def _everywhere(u):
    return torch.ones(u.shape[1:])


def _warped(image, matrix, u):
    return warp_index(image, matrix, u, _everywhere(u))


def test_the_loop_warps_as_torch_does(problem, draw, on_torch):
    image, matrix, u, _ = problem
    weight = draw(*u.shape[1:]).clamp(min=0)
    ours, inside = warp_index(image, matrix, u, weight)
    assert 0 < (inside[weight > 0] > 0).float().mean() < 1
    assert (ours[:, weight == 0] == 0).all()
    on_torch()
    theirs, same = warp_index(image, matrix, u, weight)
    assert torch.equal(inside, same)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_the_loops_force_is_the_gradient_of_torch(problem, on_torch):
    image, matrix, u, upstream = problem
    ours = warp_force(image, matrix, u, upstream)
    on_torch()
    theirs = warp_force(image, matrix, u, upstream)
    if image.shape[1] == 1:  # torch's sampler has a slope across a single slice; a plane has none
        ours, theirs = ours[1:], theirs[1:]
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_the_loops_affine_force_is_the_gradient_of_torch(problem, on_torch):
    image, matrix, _, upstream = problem
    ours = affine_force(image, matrix, upstream)
    on_torch()
    theirs = affine_force(image, matrix, upstream)
    rows = slice(1, None) if image.shape[1] == 1 else slice(None)
    np.testing.assert_allclose(ours[rows], theirs[rows], atol=2e-2, rtol=1e-3)


def test_the_same_input_gives_the_same_bytes(problem):
    image, matrix, u, upstream = problem
    first = affine_force(image, matrix, upstream), warp_force(image, matrix, u, upstream)
    again = affine_force(image, matrix, upstream), warp_force(image, matrix, u, upstream)
    assert np.array_equal(first[0], again[0])
    assert torch.equal(first[1], again[1])


def _slope(function, at, way):
    """Central difference of a scalar function, the values summed in double precision."""
    step = 1e-2
    return (function(at + step * way) - function(at - step * way)) / (2 * step)


def _inner(image, matrix, u):
    """Where a small step crosses neither the border of the image nor its outermost voxels."""
    index = (
        torch.from_numpy(matrix)
        @ torch.cat([identity_index(u.shape[1:], u) + u, torch.ones_like(u[:1])])
        .reshape(4, -1)
        .double()
    )
    last = torch.tensor(image.shape[1:])[:, None] - 1
    clear = ((index[:3] > 0.3) & (index[:3] < last - 0.3)) | (last == 0)
    return clear.all(0).reshape(u.shape[1:]).float()


def _smooth(image):
    """Inside one cell a trilinear interpolant is smooth; across cells only a smooth image is."""
    return gaussian(image, 2.0)


def test_the_force_is_the_slope_of_the_loss(problem, draw):
    image, matrix, u, upstream = problem
    image, u = _smooth(image), 0.3 * u
    inner = upstream * _inner(image, matrix, u)

    def loss(moved):
        return float((_warped(image, matrix, moved)[0].double() * inner).sum())

    way = draw(*u.shape)
    if image.shape[1] == 1:
        way[0] = 0
    force = warp_force(image, matrix, u, inner)
    expected = _slope(loss, u, way)
    assert float((force.double() * way).sum()) == pytest.approx(expected, rel=0.05, abs=0.05)


def test_the_affine_force_is_the_slope_of_the_loss(problem):
    image, matrix, _, upstream = problem
    image, still = _smooth(image), torch.zeros(3, *upstream.shape[1:])
    inner = upstream * _inner(image, matrix, still)
    assert inner.any()

    def loss(moved):
        return float((_warped(image, moved, still)[0].double() * inner).sum())

    way = np.zeros((4, 4))
    way[:3] = 0.05 * np.arange(-5, 7).reshape(3, 4)
    if image.shape[1] == 1:
        way[0] = way[:, 0] = 0
    force = affine_force(image, matrix, inner)
    expected = _slope(loss, matrix, way)
    assert (force * way[:3]).sum() == pytest.approx(expected, rel=0.05, abs=0.05)


def test_what_does_not_move_is_only_resampled(draw):
    image = draw(2, 6, 7, 8)
    still = torch.zeros(3, 6, 7, 8)
    out, inside = _warped(image, np.eye(4), still)
    torch.testing.assert_close(out, image)
    assert (inside == 1).all()
    assert (warp_force(image, np.eye(4), still, torch.zeros_like(image)) == 0).all()


def test_a_plane_has_no_force_across_it(draw, on_torch):
    image, u = draw(1, 1, 9, 8), draw(3, 1, 9, 8)
    u[0] = 0
    assert (warp_force(image, np.eye(4), u, torch.ones(1, 1, 9, 8))[0] == 0).all()
    on_torch()
    assert (warp_force(image, np.eye(4), u, torch.ones(1, 1, 9, 8))[0] == 0).all()
