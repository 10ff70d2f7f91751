"""How regkit compiles and starts a Triton kernel.

A program takes ``BLOCK`` voxels that follow one another in memory, of one row (a channel). Offsets
inside a row are 32-bit: a row holds fewer than 2**31 voxels; pointers step from row to row.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
import triton
from torch import Tensor

BLOCK = 256


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel once, whatever the sizes: every level of a pyramid has its own.

    Triton would otherwise compile again for sizes that are 1 or multiples of 16.
    """
    parameters = inspect.signature(function).parameters.items()
    names = [name for name, given in parameters if "constexpr" not in str(given.annotation)]
    return triton.jit(function, do_not_specialize=names)


def inline(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call."""
    return triton.jit(function)


def launch(
    code: Any, like: Tensor, size: int, *arguments: Any, rows: int = 1, **fixed: Any
) -> None:
    """Run ``code`` over ``size`` voxels of ``rows`` rows, on the device of ``like``."""
    with torch.cuda.device_of(like):
        code[triton.cdiv(size, BLOCK), rows](*arguments, **fixed, BLOCK=BLOCK)
