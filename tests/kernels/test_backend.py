import numba
import pytest
import torch

from regkit.kernels import backend


def test_loops_are_for_the_cpu_without_gradients(on_torch):
    plain, leaf = torch.zeros(2), torch.zeros(2, requires_grad=True)
    assert backend.loops_apply(plain)
    assert not backend.loops_apply(plain, leaf)
    with torch.no_grad():
        assert backend.loops_apply(leaf)
    assert not backend.loops_apply(torch.zeros(2, device="meta"))
    assert backend.name("cpu") == "numba"
    on_torch()
    assert backend.name("cpu") == "torch"


@pytest.fixture
def threads():
    before = torch.get_num_threads(), numba.get_num_threads()
    yield
    torch.set_num_threads(before[0])
    numba.set_num_threads(before[1])


def test_threads_bound_both(threads):
    backend.set_threads(1)
    assert (torch.get_num_threads(), numba.get_num_threads()) == (1, 1)
    backend.set_threads(10_000)  # more than there are is as many as there are
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


def test_threads_are_bounded_for_a_while(threads):
    before = torch.get_num_threads(), numba.get_num_threads()
    with backend.threads(1):
        assert (torch.get_num_threads(), numba.get_num_threads()) == (1, 1)
    assert (torch.get_num_threads(), numba.get_num_threads()) == before
    with backend.threads(0):
        assert (torch.get_num_threads(), numba.get_num_threads()) == before
