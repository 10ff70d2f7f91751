import numpy as np
import pytest
import torch

from regkit.kernels.stored import stored_order, stored_order_reference


@pytest.mark.parametrize("shape", [(5, 4, 37), (1, 1, 1), (3, 2, 16), (6, 9), (4, 1)])
def test_the_loop_does_what_its_reference_does(shape):
    u = torch.randn(len(shape), *shape, generator=torch.Generator().manual_seed(0))
    signs = (-1, -1, 1)[: len(shape)]
    for last in (slice(None), slice(1, 30), slice(0, 1)):
        np.testing.assert_array_equal(
            stored_order(u, signs, last), stored_order_reference(u, signs, last)
        )


def test_a_field_that_does_not_lie_in_one_piece_is_taken_too():
    u = torch.randn(4, 5, 6, 3, generator=torch.Generator().manual_seed(0)).permute(3, 0, 1, 2)
    every = slice(None)
    np.testing.assert_array_equal(
        stored_order(u, (1, 1, 1), every), np.ascontiguousarray(u.numpy().T)
    )
