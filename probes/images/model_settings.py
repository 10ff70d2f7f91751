"""ModelSettings: what a configuration says of a model, and where its weights are."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor

from regkit.errors import InputError
from regkit.settings import Settings


class ModelSettings(Settings):
    """A model that is asked.

    ``source`` is ``exported=FILE`` (of ``torch.export``; its batch must be dynamic),
    ``torchscript=FILE``, ``onnx=FILE``, ``timm:NAME=FILE`` (a checkpoint of its weights) or
    ``python=MODULE:FUNCTION``, a function without arguments that returns a module. ``mean`` and
    ``std`` of each band, in the units of the images, are what it was trained with; without them it
    is shown the values as they are stored.
    """

    name: str = Field(min_length=1, pattern=r"^[\w.+-]+$")
    source: str = Field(min_length=1)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def scaled(self, images: Tensor) -> Tensor:
        """Bring images ``(B, C, *spatial)`` to the scale that the model was trained with.

        Raises
        ------
        InputError
            If mean and std do not suit the bands.
        """
        bands = images.shape[1]
        line = (1, -1, *[1] * (images.ndim - 2))
        mean, std = (
            _row(self, name, default, bands).reshape(line)
            for name, default in (("mean", 0.0), ("std", 1.0))
        )
        return (images.float() - mean) / std


def weights_of(settings: ModelSettings) -> Path | None:
    """Return the file of a model, or None for one that is made by a function.

    Parameters
    ----------
    settings
        Which model.

    Raises
    ------
    InputError
        If there is no such kind of model.
    """
    _, file, _ = source_parts(settings)
    return None if is_without_file(settings.source) else Path(file)


def is_without_file(source: str) -> bool:
    """Whether a source names a function or a preset, and no file.

    Examples
    --------
    >>> is_without_file("register=fast"), is_without_file("onnx=mine.onnx")
    (True, False)
    """
    return source.partition("=")[0] in ("python", "register")


def source_parts(settings: ModelSettings) -> tuple[str, str, str]:
    """Return the kind of a source, its file or function, and the name of its architecture.

    Raises
    ------
    InputError
        If there is no such kind of model.
    """
    head, _, tail = settings.source.partition("=")
    kind, _, name = head.partition(":")
    if bool(name) not in _KINDS.get(kind, ()) or not tail:
        forms = (
            "exported=FILE, torchscript=FILE, onnx=FILE, timm:NAME=FILE, python=MODULE:FUNCTION, "
            "python:MODULE:FUNCTION=FILE, register=PRESET"
        )
        raise InputError(
            f"model {settings.name}: source {settings.source!r:.80} is none of {forms}"
        )
    return kind, tail, name


def _row(settings: ModelSettings, what: str, default: float, bands: int) -> Tensor:
    given = getattr(settings, what)
    values = (default,) * bands if given is None else given
    if len(values) != bands:
        raise InputError(
            f"model {settings.name}: {what} has {len(values)} values, the images {bands} bands"
        )
    if what == "std" and min(values) <= 0:
        raise InputError(f"model {settings.name}: std has {min(values):g}; it must be above 0")
    return torch.tensor(values)


def existing_weights(settings: ModelSettings) -> Path:
    """Return the file of a model.

    Raises
    ------
    InputError
        If it is not there.
    """
    path = weights_of(settings)
    if path is None or not path.is_file():
        raise InputError(f"model {settings.name}: there is no file {path}; put its weights there")
    return path


_KINDS = {
    "exported": (False,), "torchscript": (False,), "onnx": (False,), "timm": (True,),
    "python": (False, True), "register": (False,),
}  # fmt: skip
"""Kinds of sources, and whether one may have the name of an architecture behind it."""
