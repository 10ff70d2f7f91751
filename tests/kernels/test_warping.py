import numpy as np
import pytest
import torch
from torch.nn import functional

from regkit.geometry.affines import homogeneous, rotation
from regkit.kernels.fields import identity_index, resize_displacement
from regkit.kernels.smoothing import gaussian
from regkit.kernels.warping import affine_force, displacement_gradient, warp_index

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


def test_what_is_no_number_lies_nowhere(problem):
    image, matrix, u, _ = problem
    u[:, 0, 3, 4] = torch.nan
    whole, inside = _warped(image, matrix, u)
    assert inside[0, 3, 4] == 0
    assert (whole[:, 0, 3, 4] == 0).all()
    assert whole.isfinite().all()


@pytest.fixture(params=[1, 2], ids=["same grid", "coarser grid"])
def stepped(request, draw):
    """Warped image, what of it is known, upstream gradient, and the shape of the field's grid."""
    shape = (8, 6, 12)
    known = (draw(*shape) > -1).float()
    return draw(2, *shape), known, draw(2, *shape) * known, tuple(n // request.param for n in shape)


def test_the_loops_step_is_that_of_torch(stepped, on_torch):
    ours = displacement_gradient(*stepped)
    on_torch()
    torch.testing.assert_close(ours, displacement_gradient(*stepped), atol=1e-5, rtol=1e-4)


def test_the_step_of_a_plane_is_that_of_torch(draw, on_torch):
    given = draw(1, 1, 9, 8), torch.ones(1, 9, 8), draw(1, 1, 9, 8), (1, 9, 8)
    ours = displacement_gradient(*given)
    assert (ours[0] == 0).all()
    on_torch()
    torch.testing.assert_close(ours, displacement_gradient(*given), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("kernels", ["loops", "torch"])
def test_a_coarser_field_warps_as_its_interpolation_does(problem, draw, kernels, ratio, on_torch):
    image, matrix, u, _ = problem
    if kernels == "torch":
        on_torch()
    u = u[:, ::ratio, ::ratio, ::ratio].contiguous() / ratio
    shape = tuple(ratio * n for n in u.shape[1:])
    weight = torch.ones(shape)
    ours, inside = warp_index(image, matrix, u, weight)
    theirs, same = warp_index(image, matrix, resize_displacement(u, shape), weight)
    assert torch.equal(inside, same)
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-3)


def test_one_vector_shifts_everything_alike(draw):
    image, shift = draw(1, 6, 7, 8), torch.tensor([0.5, -1.0, 0.25]).reshape(3, 1, 1, 1)
    weight = torch.ones(6, 7, 8)
    # In voxels of its own grid, which is the whole extent.
    ours, _ = warp_index(
        image, np.eye(4), shift / torch.tensor([6, 7, 8]).reshape(3, 1, 1, 1), weight
    )
    theirs, _ = warp_index(image, np.eye(4), shift.expand(3, 6, 7, 8).contiguous(), weight)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_the_loops_affine_force_is_the_gradient_of_torch(problem, on_torch):
    image, matrix, _, upstream = problem
    ours = affine_force(image, matrix, upstream)
    on_torch()
    theirs = affine_force(image, matrix, upstream)
    rows = slice(1, None) if image.shape[1] == 1 else slice(None)
    np.testing.assert_allclose(ours[rows], theirs[rows], atol=2e-2, rtol=1e-3)


def test_the_same_input_gives_the_same_bytes(problem):
    image, matrix, u, upstream = problem
    assert np.array_equal(*(affine_force(image, matrix, upstream) for _ in range(2)))
    warped, inside = _warped(image, matrix, u)
    assert torch.equal(
        *(displacement_gradient(warped, inside, upstream, u.shape[1:]) for _ in range(2))
    )


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


@pytest.mark.parametrize("ratio", [1, 2])
def test_the_step_is_the_slope_of_the_loss(draw, ratio):
    """``image o (id + v)`` against ``v``, which may live on a coarser grid."""
    shape = (24, 20, 28)
    coarse = tuple(n // ratio for n in shape)
    image, upstream = gaussian(draw(1, *shape), 4.0), gaussian(draw(1, *shape), 4.0)
    upstream[:, [0, 1, -2, -1]] = upstream[:, :, [0, 1, -2, -1]] = upstream[..., [0, 1, -2, -1]] = 0

    def loss(v):
        return float(
            (_warped(image, np.eye(4), resize_displacement(v, shape))[0].double() * upstream).sum()
        )

    way = 0.02 * upstream[0] * torch.stack([torch.ones(shape), image[0], -torch.ones(shape)])
    way = functional.adaptive_avg_pool3d(way, coarse) * 1e4
    force = displacement_gradient(image, torch.ones(shape), upstream, coarse).double()
    expected = _slope(loss, torch.zeros_like(way), way) / ratio
    assert abs(expected) > 0.01
    assert float((force * way).sum()) == pytest.approx(expected, rel=0.1)


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
    assert (displacement_gradient(out, inside, torch.zeros_like(image), still.shape[1:]) == 0).all()


@pytest.mark.parametrize("moved", [0.0, 3.25], ids=["affine", "field"])
def test_the_far_end_of_a_long_row_is_as_exact_as_its_beginning(draw, moved):
    """Single precision tells positions of 30 000 voxels to 0.002 only."""
    image = draw(1, 2, 3, 30_000)
    u = torch.full((3, 2, 3, 7), 0.0)
    u[2] = moved * 7 / 30_000  # in voxels of its own grid
    shift, scale = 0.37, 0.9999
    matrix = np.diag([1.0, 1.0, scale, 1.0])
    matrix[2, 3] = shift
    out, inside = warp_index(image, matrix, u, torch.ones(2, 3, 30_000))
    at = scale * (np.arange(30_000) + moved) + shift
    seen = at <= 29_999
    assert torch.equal(inside[0, 0] > 0, torch.from_numpy(at < 29_999.5))
    expected = np.interp(at[seen], np.arange(30_000), image[0, 1, 2].double().numpy())
    np.testing.assert_allclose(out[0, 1, 2, torch.from_numpy(seen)], expected, atol=5e-5)
