import numpy as np
import pytest
import torch
from torch.testing import assert_close

from regkit.kernels.fields import jacobian_determinant, jacobian_reference

LINEAR = np.array([[1.1, 0.2, 0.0], [-0.1, 0.9, 0.3], [0.0, 0.1, -1.2]])


@pytest.mark.parametrize("shape", [(5, 6, 7), (2, 2, 2), (2, 9, 3)])
def test_the_loop_agrees_with_the_reference(shape, generator):
    u = torch.randn(3, *shape, generator=generator)
    assert_close(
        jacobian_determinant(u, LINEAR), jacobian_reference(u, LINEAR), atol=1e-4, rtol=1e-4
    )


def test_the_loop_takes_any_layout(generator):
    u = torch.randn(5, 6, 7, 3, generator=generator).movedim(-1, 0)
    theirs = jacobian_reference(u.contiguous(), LINEAR)
    assert_close(jacobian_determinant(u, LINEAR), theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_reference_is_the_determinant_of_the_gradients(generator, ndim):
    u = torch.randn(ndim, *[5, 6, 7][:ndim], dtype=torch.float64, generator=generator)
    linear = LINEAR[:ndim, :ndim]
    rows = [torch.stack(torch.gradient(c, dim=list(range(ndim))), -1) for c in u]
    whole = torch.stack(rows, -2) + torch.from_numpy(linear.copy())
    assert_close(jacobian_reference(u, linear), torch.linalg.det(whole))


def test_gradients_go_through_the_reference(generator):
    u = torch.randn(3, 3, 4, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: jacobian_determinant(v, LINEAR), u)
