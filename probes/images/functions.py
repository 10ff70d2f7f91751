"""Functions: what a configuration names as MODULE:NAME."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from regkit.errors import InputError
from regkit.optional_packages import mend_torchvision


def call_named(what: str, place: str, options: Mapping[str, Any]) -> Any:
    """Import a function or class, and call it.

    Parameters
    ----------
    what
        What messages call it.
    place
        ``MODULE:NAME``.
    options
        Its keyword arguments.

    Raises
    ------
    InputError
        If it cannot be imported, or for whatever it raises.

    Examples
    --------
    >>> call_named("data", "builtins:dict", {"a": 1})
    {'a': 1}
    """
    module, _, name = place.partition(":")
    mend_torchvision()  # which timm, torchgeo and many others import
    try:
        return getattr(importlib.import_module(module), name)(**options)
    except Exception as error:  # whatever somebody else's code raises
        first = str(error).strip().split("\n")[0]
        raise InputError(
            f"{what}: {place!r:.80} is no function that can be imported and called: {first:.160}"
        ) from error


def make_model(what: str, place: str) -> Callable[..., Any]:
    """Call a function without arguments that makes a model.

    Parameters
    ----------
    what, place
        As :func:`call_named`.

    Raises
    ------
    InputError
        As there, or if it returns what cannot be called.
    """
    made = call_named(what, place, {})
    if not callable(made):
        raise InputError(f"{what}: {place} returns {type(made).__name__}, no model")
    function_made: Callable[..., Any] = made
    return function_made
