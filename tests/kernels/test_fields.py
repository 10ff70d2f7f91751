import numpy as np
import pytest
import torch

from regkit.kernels.fields import (
    compose_fields,
    compose_reference,
    drop_lifted,
    exponential,
    identity_index,
    invert,
    invert_reference,
    jacobian_determinant,
    lift_field,
    remove_folds,
    turn_reference,
    turn_vectors,
)
from regkit.kernels.smoothing import gaussian


@pytest.fixture(params=[(24, 20), (16, 18, 20)], ids=str)
def smooth(request, draw):
    """A displacement of up to about 2 voxels that vanishes at the border and does not fold."""
    shape = request.param
    u = gaussian(draw(len(shape), *shape), 3.0, zero=True)
    window = torch.ones(shape)
    for axis, n in enumerate(shape):
        ramp = (torch.arange(n).minimum(torch.arange(n).flip(0)) / 6).clamp(max=1)
        window = window * ramp.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    u = u * window
    return 2 * u / u.abs().max()


def test_what_is_no_number_comes_out_as_none():
    v = torch.zeros(3, 4, 5, 6)
    v[0, 1, 2, 3] = torch.nan
    composed = compose_fields(torch.ones(3, 4, 5, 6), v)
    assert composed[0].isnan().sum() == 1
    assert (composed[0, ~composed[0].isnan()] == 1).all()


def test_the_loop_composes_as_torch_does(shape, draw):
    u, v = 3 * draw(len(shape), *shape), 3 * draw(len(shape), *shape)
    torch.testing.assert_close(compose_fields(u, v), compose_reference(u, v), atol=2e-5, rtol=1e-4)


def test_composition_with_nothing_changes_nothing(smooth):
    zero = torch.zeros_like(smooth)
    torch.testing.assert_close(compose_fields(smooth, zero), smooth)
    torch.testing.assert_close(compose_fields(zero, smooth), smooth)


def test_the_order_of_composition_is_that_of_functions(smooth):
    shift = torch.zeros_like(smooth)
    shift[0] = 3
    out = compose_fields(smooth, shift)  # first the shift, then the field there
    torch.testing.assert_close(out[0, :-3], smooth[0, 3:] + 3)


def test_the_inverse_undoes_the_field(smooth):
    v, residual = invert(smooth)
    assert residual.max() < 2e-3
    error = compose_fields(smooth, v).norm(dim=0)
    torch.testing.assert_close(error, residual, atol=1e-4, rtol=0)
    # The other way round, only the interpolation of v between its voxels is left.
    assert compose_fields(v, smooth).norm(dim=0).max() < 0.3


def test_the_loop_inverts_as_torch_does(smooth, on_torch):
    v, _ = invert(smooth)
    on_torch()
    w, _ = invert(smooth)
    torch.testing.assert_close(v, w, atol=0.02, rtol=0)


def test_the_loop_inverts_as_the_fixed_point_does(smooth):
    ours, left = invert(smooth)
    theirs, rest = invert_reference(smooth)
    assert max(left.max(), rest.max()) < 2e-3
    torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0)


@pytest.mark.parametrize("shape", [(12, 14), (10, 11, 12)], ids=str)
def test_the_inverse_of_a_matrix_is_its_inverse(shape):
    ndim = len(shape)
    centre = torch.tensor(shape).reshape(-1, *[1] * ndim) / 2
    x = identity_index(shape, torch.zeros(1)) - centre
    matrix = torch.eye(ndim) + 0.1 * torch.arange(ndim**2).reshape(ndim, ndim) / ndim**2
    u = torch.einsum("ab,b...->a...", matrix - torch.eye(ndim), x)
    expected = torch.einsum("ab,b...->a...", torch.linalg.inv(matrix) - torch.eye(ndim), x)
    v, residual = invert(u)
    inner = tuple(slice(3, n - 3) for n in shape)
    assert residual[inner].max() < 2e-3
    torch.testing.assert_close(v[:, *inner], expected[:, *inner], atol=5e-3, rtol=0)


def test_a_stretch_by_more_than_two_is_inverted():
    x = torch.arange(40.0)
    u = torch.zeros(3, 40, 6, 5)
    u[0] = (6 * torch.tanh((x - 20) / 3) * (torch.cos((x - 20) / 40 * 3.1416)))[:, None, None]
    _, residual = invert(u)
    assert residual.max() < 2e-3


def test_a_fold_leaves_a_residual():
    x = torch.arange(40.0)
    u = torch.zeros(2, 40, 12)
    u[0] = (-12 * torch.sin((x - 20) / 3) * torch.exp(-(((x - 20) / 8) ** 2)))[:, None]
    assert (jacobian_determinant(u, np.eye(2)) < 0).any()
    v, residual = invert(u)
    assert torch.isfinite(v).all()
    assert torch.isfinite(residual).all()


def test_the_exponential_of_a_shift_is_the_shift():
    v = torch.ones(3, 8, 9, 10) * 2.7
    torch.testing.assert_close(exponential(v), v)


def test_the_exponential_of_minus_v_is_the_inverse(smooth):
    both = compose_fields(exponential(smooth), exponential(-smooth))
    assert both.norm(dim=0).max() < 0.25
    assert exponential(smooth).norm(dim=0).max() > 1


def test_the_exponential_of_a_linear_velocity_is_the_matrix_exponential():
    index = identity_index((21, 21), torch.zeros(1)) - 10
    rate = torch.tensor([[0.05, -0.2], [0.2, -0.05]])
    v = torch.einsum("ab,bij->aij", rate, index)
    expected = torch.einsum("ab,bij->aij", torch.linalg.matrix_exp(rate) - torch.eye(2), index)
    inner = (slice(None), slice(6, 15), slice(6, 15))
    torch.testing.assert_close(exponential(v)[inner], expected[inner], atol=0.02, rtol=0)


def test_the_jacobian_of_a_matrix_is_its_determinant():
    matrix = torch.tensor([[1.1, 0.2, 0.0], [-0.1, 0.9, 0.3], [0.0, 0.1, 1.2]])
    index = identity_index((5, 6, 7), torch.zeros(1))
    phi = torch.einsum("ab,bijk->aijk", matrix, index)
    expected = torch.linalg.det(matrix).expand(5, 6, 7)
    torch.testing.assert_close(
        jacobian_determinant(phi, np.zeros((len(phi), len(phi)))), expected, atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loop_differentiates_as_torch_does(draw, on_torch, dtype):
    phi = draw(3, 5, 2, 7).to(dtype)
    ours = jacobian_determinant(phi, np.zeros((len(phi), len(phi))))
    on_torch()
    torch.testing.assert_close(
        ours, jacobian_determinant(phi, np.zeros((len(phi), len(phi)))), atol=1e-4, rtol=1e-4
    )


def test_a_mirror_folds_everywhere():
    index = identity_index((5, 6), torch.zeros(1))
    assert (jacobian_determinant(torch.stack([-index[0], index[1]]), np.zeros((2, 2))) < 0).all()


def test_planes_are_lifted_and_dropped(draw):
    u = draw(2, 4, 5)
    assert lift_field(u).shape == (3, 1, 4, 5)
    assert torch.equal(drop_lifted(lift_field(u), 2), u)


@pytest.mark.parametrize("shape", [(20, 22), (20, 22, 24)])
def test_folds_are_smoothed_away_where_they_are(shape):
    ndim = len(shape)
    u = torch.zeros(ndim, *shape)
    u[(0, *[slice(4, 7)] * ndim)] = 2.5
    assert float(jacobian_determinant(u, np.eye(ndim)).min()) < 0
    found = remove_folds(u)
    assert float(jacobian_determinant(found, np.eye(ndim)).min()) > 0
    assert float(found.abs().max()) > 0.3
    far = (slice(None), *[slice(-4, None)] * ndim)
    assert torch.equal(found[far], u[far])
    calm = gaussian(u, 2.0)
    assert torch.equal(remove_folds(calm), calm)
    # Where the border is at rest and what is inside is not, the way between them takes its room.
    held = torch.zeros_like(u)
    held[(0, *[slice(1, -1)] * ndim)] = 2.0
    found = remove_folds(held)
    assert float(jacobian_determinant(found, np.eye(ndim)).min()) > 0
    assert float(found[:, 0].abs().max()) == 0


def test_a_lifted_plane_is_unfolded_as_a_plane():
    u = torch.zeros(2, 20, 22)
    u[0, 4:7, 4:7] = 2.5
    assert torch.equal(remove_folds(lift_field(u)), lift_field(remove_folds(u)))


@pytest.mark.parametrize("shape", [(3, 11, 12, 13), (2, 40, 50), (3, 1, 1, 1)], ids=str)
@pytest.mark.parametrize("kind", ["axes", "oblique", "nothing"])
def test_vectors_are_turned_as_torch_does(draw, shape, kind):
    d = shape[0]
    linear = {
        "axes": np.roll(np.diag([2.0, -3.0, 0.5][:d]), 1, axis=0),
        "oblique": np.arange(1.0, d * d + 1).reshape(d, d),
        "nothing": np.zeros((d, d)),
    }[kind]
    u = draw(*shape)
    expected = turn_reference(u, linear)
    torch.testing.assert_close(turn_vectors(u, linear), expected)
    assert turn_vectors(u, linear, out=u) is u
    torch.testing.assert_close(u, expected)


def test_turned_vectors_have_a_gradient():
    u = torch.ones(2, 3, 3, requires_grad=True)
    turn_vectors(u, np.diag([2.0, 3.0])).sum().backward()
    assert u.grad.flatten()[[0, -1]].tolist() == [2.0, 3.0]


def test_a_result_is_not_written_to_a_copy_of_memory_that_is_not_contiguous(draw):
    with pytest.raises(RuntimeError, match="view"):
        turn_vectors(
            draw(3, 4, 5), np.eye(3), out=torch.empty(5, 4, 3).movedim(0, -1).movedim(1, 0)
        )
