"""Which implementation runs: compiled loops, Triton kernels, or the PyTorch reference.

The loops take tensors on the CPU, the Triton kernels float32 tensors on a GPU where Triton is
installed and works; neither takes part in a graph of gradients. Everything else goes to the
reference. ``REGKIT_KERNELS=torch`` sends everything there; ``REGKIT_KERNELS=triton`` lets the
Triton kernels take tensors on the CPU, for which ``TRITON_INTERPRET=1`` must be set as well: that
is slow, and how they are tested without a GPU.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from typing import ParamSpec, TypeVar

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from regkit.kernels.cpu import loops

_P = ParamSpec("_P")
_R = TypeVar("_R")


def implementation(*tensors: Tensor) -> str:
    """Say what runs on these tensors: ``"compiled"``, ``"triton"`` or ``"torch"``."""
    wanted = os.environ.get("REGKIT_KERNELS")
    graph = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    if graph or wanted == "torch":
        return "torch"
    devices = {t.device.type for t in tensors}
    single = all(t.dtype is torch.float32 for t in tensors)
    if devices == {"cpu"}:
        return "triton" if single and wanted == "triton" else _on_cpu()
    return "triton" if single and devices == {"cuda"} and _triton_works() else "torch"


def loops_apply(*tensors: Tensor) -> bool:
    """Say whether the compiled loops may run on these tensors."""
    return implementation(*tensors) == "compiled"


@cache
def _on_cpu() -> str:
    if loops is not None:
        return "compiled"
    warnings.warn(
        "regkit's compiled loops are missing, PyTorch runs, which takes many times as long; "
        "install regkit again, from a wheel or with a C++ compiler",
        stacklevel=2,
    )
    return "torch"


def with_triton(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Give a function of ``regkit.kernels.X`` its twin in ``regkit.kernels.gpu.X``.

    The twin has the same name and arguments, and runs where Triton does.
    """

    @wraps(function)
    def chosen(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)]
        if implementation(*tensors) != "triton":
            return function(*args, **kwargs)
        module = import_module(function.__module__.replace(".kernels.", ".kernels.gpu."))
        twin: Callable[_P, _R] = getattr(module, function.__name__)
        return twin(*args, **kwargs)

    return chosen


@cache
def _triton_works() -> bool:
    """Say whether Triton is there and compiles for the GPU, which needs a C compiler too."""
    if find_spec("triton") is None:
        return False
    try:
        from regkit.kernels.gpu.smoothing import convolve

        convolve(torch.ones(1, 4, device="cuda"), [(0.5, 0.5, 0.5)], zero=True, spare=False)
        torch.cuda.synchronize()
    except Exception as error:  # whatever a compiler or a driver may say
        why = str(error).strip().splitlines() or [type(error).__name__]
        warnings.warn(f"Triton does not work here, PyTorch runs: {why[-1]}", stacklevel=2)
        return False
    return True


def name(device: torch.device | str) -> str:
    """Name what runs on ``device``, for the report."""
    return implementation(torch.empty(0, device=device))


def single_blas() -> AbstractContextManager[object]:
    """Return a context for linear algebra on a few numbers between loops.

    A second BLAS thread that spins after each call would take its core from the loops: with it,
    an optimiser of twelve parameters spends three quarters of its time waiting.
    """
    context: AbstractContextManager[object] = _pools().limit(limits=1, user_api="blas")
    return context


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def set_threads(count: int) -> None:
    """Bound the threads of PyTorch and of the loops alike."""
    torch.set_num_threads(count)
    if loops is not None:
        loops.set_thread_count(count)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Bound the threads for a while; 0 leaves them as they are."""
    if not count:
        yield
        return
    before = torch.get_num_threads(), 0 if loops is None else loops.thread_count()
    set_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        if loops is not None:
            loops.set_thread_count(before[1])


@contextmanager
def loops_alone() -> Iterator[None]:
    """Give PyTorch one thread for a while, where the compiled loops do nearly all of the work.

    Between the loops its operations are short, and several threads cost more than they save: on two
    cores a fifth of the time of a chest at 3.9 mm.
    """
    before = torch.get_num_threads()
    if loops is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
