"""Errors that regkit raises, and the exit code that each one means on the command line."""

from __future__ import annotations

import importlib
from types import ModuleType


class RegkitError(Exception):
    """Base of every error that regkit raises on purpose."""

    exit_code = 1


class InputError(RegkitError):
    """What the user gave cannot be used. The message is one line that says what to do."""

    exit_code = 2


class NotInvertibleError(RegkitError):
    """A transform has no inverse that can be trusted (singular or folding)."""

    exit_code = 2


class ResourceError(RegkitError):
    """Memory or disk space ran out, or would."""

    exit_code = 4


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional package, or say which extra brings it.

    Parameters
    ----------
    module
        Dotted name to import.
    extra
        The extra of regkit that installs it.

    Raises
    ------
    InputError
        If the package is not installed.

    Examples
    --------
    >>> require("json", extra="all").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise InputError(
            f"{module} is not installed; install it with: pip install 'regkit[{extra}]'"
        ) from error
