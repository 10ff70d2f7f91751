"""Packages that need help to be imported: diffusers, whatever torchvision is beside it."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from types import ModuleType

import torch

from regkit.errors import require

_SAME = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def diffusers(extra: str) -> ModuleType:
    """The package, or an error that names the ``extra`` which brings it.

    Its models import torchvision where that is installed.

    Raises
    ------
    InputError
        If diffusers is not installed.
    """
    package = require("diffusers", extra=extra)
    mend_torchvision()
    importlib.import_module("diffusers.models.unets")
    return package


@cache
def mend_torchvision() -> torch.library.Library | None:
    """Let torchvision be imported though it was built for another PyTorch.

    Its compiled operators are then missing, of which its own import needs two to be declared;
    they last as long as the library that is returned. None where nothing is to be mended.
    """
    before = set(sys.modules)
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return None
    except RuntimeError:
        for half in set(sys.modules) - before:
            if half.partition(".")[0] == "torchvision":
                del sys.modules[half]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(name + _SAME)
        return library
    return None
