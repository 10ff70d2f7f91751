"""How threads of PyTorch wait while the compiled loops have the processors."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable


def with_passive_waiting(command: Callable[..., None]) -> Callable[..., None]:
    """Let idle threads of OpenMP sleep while a command runs, unless the user says otherwise.

    They spin by default, for as long as the loops of regkit, which have threads of their own, want
    the same cores: a fifth of the time of a registration on two.

    Parameters
    ----------
    command
        One that computes with those loops more than with PyTorch.
    """

    @functools.wraps(command)
    def called(**given: object) -> None:
        if "torch" not in sys.modules:  # OpenMP reads it when it is loaded, and never again
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        command(**given)

    return called
