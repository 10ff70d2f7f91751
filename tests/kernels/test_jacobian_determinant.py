import pytest
import torch
from torch.testing import assert_close

from regkit.kernels.fields import jacobian_determinant, jacobian_reference


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(5, 6, 7), (2, 2, 2), (2, 9, 3)])
def test_the_loop_agrees_with_the_reference(shape, dtype, generator):
    phi = torch.randn(3, *shape, dtype=dtype, generator=generator)
    assert_close(jacobian_determinant(phi), jacobian_reference(phi))


def test_the_loop_takes_any_layout(generator):
    phi = torch.randn(5, 6, 7, 3, generator=generator).movedim(-1, 0)
    assert_close(jacobian_determinant(phi), jacobian_reference(phi.contiguous()))


def test_the_reference_is_the_determinant_of_the_gradients(generator):
    for ndim in (2, 3):
        phi = torch.randn(ndim, *[5, 6, 7][:ndim], dtype=torch.float64, generator=generator)
        rows = [torch.stack(torch.gradient(c, dim=list(range(ndim))), -1) for c in phi]
        assert_close(jacobian_reference(phi), torch.linalg.det(torch.stack(rows, -2)))


def test_gradients_go_through_the_reference(generator):
    phi = torch.randn(3, 3, 4, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(jacobian_determinant, phi)
