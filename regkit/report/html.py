"""The name that version 0.1 had for the report of a registration, kept for one version."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Protocol


class _Reported(Protocol):
    def report(self, path: str | Path) -> Path: ...


def write_report(result: _Reported, path: str | Path, **_: Any) -> Path:
    """Write the report of a result; call ``result.report(path)`` instead.

    Parameters
    ----------
    result
        What a registration returned.
    path
        The ``.html`` file; one that exists is replaced.
    _
        ``run`` and ``before`` of version 0.1, which the result knows by itself now.

    Warns
    -----
    DeprecationWarning
        Always.

    Raises
    ------
    InputError
        If the folder of ``path`` does not exist.
    """
    warnings.warn("call result.report(path)", DeprecationWarning, stacklevel=2)
    return result.report(path)
