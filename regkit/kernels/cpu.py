"""The compiled loops for arrays on the CPU; their sources are in ``cpp``.

Nothing here is needed for correctness: see the PyTorch references. Every loop runs in parallel over
rows that write what is their own, so the same input gives the same bytes whatever the number of
threads.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from regkit.errors import InputError

_AVX2 = 3  # what loops_plain.instruction_level calls it


def _best_module() -> Any:
    """The module for the instructions that this processor has; None where none was built."""
    try:
        plain = import_module("regkit.kernels.loops_plain")
    except ImportError:
        return None
    if plain.instruction_level() < _AVX2:
        return plain
    try:
        return import_module("regkit.kernels.loops_avx2")
    except ImportError:  # not built on this kind of machine
        return plain


loops: Any = _best_module()
"""The module of the loops, whose functions fill NumPy arrays; None where it was not built."""


def needed_loops() -> Any:
    """Return the loops, for what has no reference in PyTorch.

    Raises
    ------
    InputError
        If they were not built.
    """
    if loops is None:
        raise InputError(
            "regkit's compiled loops are missing; install regkit again, from a wheel or with a "
            "C++ compiler"
        )
    return loops
