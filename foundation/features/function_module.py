"""A network that a Python function of the user's makes, as a backbone."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from foundation.features.padded import SHOWN, PaddedFeatures
from regkit.errors import InputError


def open_function_module(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> PaddedFeatures:
    """Any network of PyTorch, made by a function: ``module=package.module:function``.

    The function takes nothing and returns a ``torch.nn.Module`` of one channel with its weights
    in it. The module may say in attributes ``ndim`` (3 unless told), ``multiple`` (1), ``shown``
    (``unit`` or ``standardised``) and ``files`` how it is to be used.

    Parameters
    ----------
    path
        Module and function.
    layers
        Names as in ``network.named_modules()``; its children if not given.
    timestep
        Not used: it has none.

    Raises
    ------
    InputError
        If there is no such function, it returns no network, or it has no such layer.
    """
    network = _made(str(path or ""))
    shown = str(getattr(network, "shown", "unit"))
    if shown not in SHOWN:
        raise InputError(f"module={path}: shown {shown!r}; allowed: {', '.join(SHOWN)}")
    source = inspect.getsourcefile(type(network))
    files = getattr(network, "files", (source,) if source else ())
    return PaddedFeatures(
        f"module={path}", network,
        tuple(layers or (name for name, _ in network.named_children())),
        ndim=int(getattr(network, "ndim", 3)), multiple=int(getattr(network, "multiple", 1)),
        shown=SHOWN[shown], files=tuple(Path(each) for each in files),
    )  # fmt: skip


def _made(word: str) -> nn.Module:
    module, _, function = word.partition(":")
    if not module or not function:
        raise InputError(f"module={word}: write module=package.module:function")
    try:
        made = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise InputError(f"module={word}: cannot be made: {error}") from error
    if not isinstance(made, nn.Module):
        raise InputError(f"module={word}: returns {type(made).__name__}, not a torch.nn.Module")
    return made
