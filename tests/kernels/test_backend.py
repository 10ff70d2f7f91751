from types import SimpleNamespace

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


def test_kernels_are_for_single_precision_on_a_gpu_where_triton_works(monkeypatch, on_torch):
    def on_gpu(dtype):
        return SimpleNamespace(
            device=SimpleNamespace(type="cuda"), dtype=dtype, requires_grad=False
        )

    monkeypatch.setattr(backend, "_triton_works", lambda: True)
    assert backend.implementation(on_gpu(torch.float32)) == "triton"
    assert backend.implementation(on_gpu(torch.float64)) == "torch"
    assert backend.implementation(on_gpu(torch.float32), torch.zeros(2)) == "torch"
    monkeypatch.setattr(backend, "_triton_works", lambda: False)
    assert backend.implementation(on_gpu(torch.float32)) == "torch"
    monkeypatch.setattr(backend, "_triton_works", lambda: True)
    on_torch()
    assert backend.implementation(on_gpu(torch.float32)) == "torch"


def test_where_triton_fails_pytorch_runs_and_says_so(monkeypatch):
    def failing():
        raise RuntimeError("no C compiler")

    works = backend._triton_works.__wrapped__
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    assert not works()
    monkeypatch.setattr(backend, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.cuda, "synchronize", failing)
    with pytest.warns(UserWarning, match="Triton does not work here, PyTorch runs"):
        assert not works()


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
