import numpy as np
import pytest
import torch

from regkit.geometry.affines import homogeneous, rotation
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


def test_the_loop_warps_as_torch_does(problem, on_torch):
    image, matrix, u, _ = problem
    ours, inside = warp_index(image, matrix, u)
    assert 0 < inside.mean() < 1
    on_torch()
    theirs, same = warp_index(image, matrix, u)
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
