"""Packages that need help to be imported: diffusers, whatever torchvision is beside it."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from regkit.errors import require


def diffusers(extra: str) -> ModuleType:
    """The package, or an error that names the ``extra`` which brings it.

    It imports torchvision where that is installed, for models that are of no use here; and a
    torchvision that was built for another PyTorch fails to import. It is then hidden.

    Raises
    ------
    InputError
        If diffusers is not installed.
    """
    found = sys.modules.get("diffusers")
    if found is not None:
        return found
    if _is_broken("torchvision"):
        sys.modules["torchvision"] = None  # type: ignore[assignment] # "not found" to the importer
        try:
            return _loaded(extra)
        finally:
            del sys.modules["torchvision"]
    return _loaded(extra)


def _loaded(extra: str) -> ModuleType:
    package = require("diffusers", extra=extra)
    importlib.import_module("diffusers.models.unets")
    return package


def _is_broken(name: str) -> bool:
    before = set(sys.modules)
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    except Exception:
        for half in set(sys.modules) - before:
            if half.partition(".")[0] == name:
                del sys.modules[half]
        return True
    return False
