"""Identify what decides the feature maps of an extractor, and what an image is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regkit.digests import sha256
from regkit.errors import InputError
from regkit.features.extractor import Extractor

_FORMAT = 1  # to be raised when the same files and settings give other maps
_LISTENING = ("layers", "timestep")


def identity_of(extractor: Extractor) -> dict[str, Any]:
    """Return all that decides the maps of ``extractor``, as values of JSON.

    Its class and the version of its package, its name and settings, ``layers`` and ``timestep``,
    every plain field if it is a dataclass, and the SHA-256 of its ``files``, wherever they lie.

    Raises
    ------
    InputError
        If it does not say which files decide its maps.
    """
    files = getattr(extractor, "files", None)
    if files is None:
        raise InputError(
            f"features:{extractor.name}: does not say which files decide its maps, so that they "
            "cannot be kept; give the extractor an attribute `files`, or use no cache"
        )
    kind = type(extractor)
    return {
        "format": _FORMAT,
        "version": _version(kind.__module__.partition(".")[0]),
        "kind": f"{kind.__module__}.{kind.__qualname__}",
        "files": sorted(sha256(Path(each)) for each in files),
        "name": extractor.name,
        "settings": _plain(extractor.settings),
        **{name: _plain(value) for name, value in _choices(extractor).items()},
    }


def image_identity(images: Tensor) -> dict[str, Any]:
    """Identify a tensor by the SHA-256 of its values, with its shape and type.

    Examples
    --------
    >>> image_identity(torch.zeros(2, 1, 3, 3))["shape"]
    [2, 1, 3, 3]
    """
    values = images.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    digest = hashlib.sha256(values.numpy().data).hexdigest()
    return {"sha256": digest, "shape": list(images.shape), "dtype": str(images.dtype)}


def _choices(extractor: Extractor) -> dict[str, Any]:
    given: Any = extractor
    names = [each.name for each in fields(given)] if is_dataclass(given) else []
    found = {n: getattr(extractor, n) for n in (*_LISTENING, *names) if hasattr(extractor, n)}
    return {name: value for name, value in found.items() if name != "files" and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value if _is_plain(value) else repr(value)


def _version(package: str) -> str:
    """Return the version of the package whose code makes the maps; regkit brings its guests."""
    for name in (package, "regkit"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
