import os
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from regkit.errors import InputError
from regkit.kernels import backend, cpu
from regkit.kernels.cpu import loops

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def test_loops_are_for_the_cpu_without_gradients(on_torch):
    plain, leaf = torch.zeros(2), torch.zeros(2, requires_grad=True)
    assert backend.loops_apply(plain)
    assert not backend.loops_apply(plain, leaf)
    with torch.no_grad():
        assert backend.loops_apply(leaf)
    assert not backend.loops_apply(torch.zeros(2, device="meta"))
    assert backend.name("cpu") == "compiled"
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
    before = torch.get_num_threads(), loops.thread_count()
    yield
    torch.set_num_threads(before[0])
    loops.set_thread_count(before[1])


def test_threads_bound_both(threads):
    backend.set_threads(1)
    assert (torch.get_num_threads(), loops.thread_count()) == (1, 1)
    backend.set_threads(10_000)  # more than there are is as many as there are
    assert loops.thread_count() == CORES


def test_threads_are_bounded_for_a_while(threads):
    before = torch.get_num_threads(), loops.thread_count()
    with backend.threads(1):
        assert (torch.get_num_threads(), loops.thread_count()) == (1, 1)
    assert (torch.get_num_threads(), loops.thread_count()) == before
    with backend.threads(0):
        assert (torch.get_num_threads(), loops.thread_count()) == before


def test_threads_are_those_of_the_calling_thread(threads):
    backend.set_threads(1)
    with ThreadPoolExecutor(1) as other:
        usual = int(os.environ.get("OMP_NUM_THREADS", CORES))
        assert other.submit(loops.thread_count).result() == min(usual, CORES)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_loops_go_on_in_a_child(threads):
    """A child of fork() has none of the threads that its parent began."""
    backend.set_threads(2)
    image, taps = np.ones((1, 64, 64, 64), np.float32), np.ones(1, np.float32)
    out = np.empty_like(image)
    loops.along_first(image, taps, True, out)
    child = os.fork()
    if child == 0:
        out[:] = 0
        loops.along_first(image, taps, True, out)
        os._exit(0 if out.min() == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_loops_run_side_by_side(threads):
    """Several threads of Python at once: each gets what it would get alone."""
    backend.set_threads(2)
    taps = np.full(5, 0.2, np.float32)
    images = np.random.default_rng(0).random((8, 1, 40, 30, 50), np.float32)
    outs = np.empty_like(images)

    def smooth(number):
        for _ in range(5):
            loops.along_others(images[number], taps, taps, False, outs[number])

    with ThreadPoolExecutor(4) as some:
        list(some.map(smooth, range(8)))
    alone = np.empty_like(images[0])
    for image, out in zip(images, outs, strict=True):
        loops.along_others(image, taps, taps, False, alone)
        assert np.array_equal(out, alone)


def test_what_is_filled_is_never_a_copy():
    double = np.zeros((1, 4, 4, 4))
    with pytest.raises(TypeError):
        loops.along_first(double.astype(np.float32), np.ones(1, np.float32), True, double)
    strided = np.zeros((1, 4, 4, 8), np.float32)[..., ::2]
    with pytest.raises(TypeError):
        loops.along_first(np.ones((1, 4, 4, 4), np.float32), np.ones(1, np.float32), True, strided)


def test_without_loops_pytorch_runs_and_says_so(monkeypatch):
    monkeypatch.setattr(backend, "loops", None)
    with pytest.warns(UserWarning, match="compiled loops are missing, PyTorch runs"):
        assert backend._on_cpu.__wrapped__() == "torch"
    monkeypatch.setattr(cpu, "loops", None)
    with pytest.raises(InputError, match="install regkit again"):
        cpu.needed_loops()


def test_plain_instructions_do_the_same():
    """The module for processors without AVX2, where this one has it."""
    plain = import_module("regkit.kernels.loops_plain")
    image = np.random.default_rng(0).random((1, 9, 8, 37), np.float32)
    taps = np.array([0.25, 0.5, 0.25], np.float32)
    found = [np.empty_like(image) for _ in "ab"]
    for module, out in zip((plain, loops), found, strict=True):
        module.along_others(image, taps, taps, False, out)
    assert np.allclose(*found, atol=1e-6)


def test_pytorch_has_one_thread_where_loops_do_the_work(threads):
    backend.set_threads(2)
    with backend.loops_alone():
        assert torch.get_num_threads() == 1
        assert loops.thread_count() == min(2, CORES)
    assert torch.get_num_threads() == 2
