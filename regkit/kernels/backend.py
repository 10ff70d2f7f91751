"""Which implementation runs: the Numba loops, or the PyTorch reference.

The loops take float32 tensors on the CPU that need no gradient; everything else, and everything
when ``REGKIT_KERNELS=torch`` is set, goes to the reference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor


def loops_apply(*tensors: Tensor) -> bool:
    """Whether the Numba loops may run on these tensors."""
    if os.environ.get("REGKIT_KERNELS") == "torch":
        return False
    graph = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    return not graph and all(t.device.type == "cpu" for t in tensors)


def name(device: torch.device | str) -> str:
    """``"numba"`` or ``"torch"``: what runs on ``device``, for the report."""
    return "numba" if loops_apply(torch.empty(0, device=device)) else "torch"


def single_blas() -> AbstractContextManager[object]:
    """A context for linear algebra on a few numbers between loops.

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
    import numba

    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Bound the threads for a while; 0 leaves them as they are."""
    if not count:
        yield
        return
    import numba

    before = torch.get_num_threads(), numba.get_num_threads()
    set_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])
