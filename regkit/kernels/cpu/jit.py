"""How regkit compiles a loop: cached on disk, parallel, contractions allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

# nnan and ninf stay off: a NaN that slips in must come out, not vanish in an optimisation.
_FAST = {"contract", "reassoc", "nsz", "arcp"}


def parallel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop that may use ``prange``."""
    compiled: Callable[..., Any] = numba.njit(
        parallel=True, cache=True, fastmath=_FAST, error_model="numpy", nogil=True
    )(function)
    return compiled


def inline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a small function that loops call for every voxel."""
    compiled: Callable[..., Any] = numba.njit(
        cache=True, fastmath=_FAST, error_model="numpy", inline="always"
    )(function)
    return compiled
