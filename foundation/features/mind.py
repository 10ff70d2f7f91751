"""Offer MIND-SSC as a backbone: it has no weights, and is the baseline of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.losses.mind import MIND


@dataclass(frozen=True)
class MINDFeatures:
    """The descriptors of :class:`regkit.losses.MIND` as a :class:`regkit.features.Extractor`."""

    name: str = "mind"
    ndim: int = 3
    settings: Mapping[str, Any] = field(
        default_factory=lambda: {"distance": "l2", "noise": "none", "axes": 0}
    )
    files: tuple[Path, ...] = ()

    def draw(self, images: Tensor, generator: torch.Generator) -> None:
        """Draw nothing: it takes no noise."""

    def __call__(self, images: Tensor, noise: Tensor | None) -> list[Tensor]:
        """Turn ``(N, 1, *spatial)`` into descriptors ``(N, C, *spatial)``."""
        return [torch.stack([MIND().features(image) for image in images])]

    def to(self, device: torch.device) -> Self:
        """Do nothing: there are no weights to move."""
        return self


def open_mind(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> MINDFeatures:
    """The descriptor MIND-SSC: no weights, the baseline.

    Parameters
    ----------
    path, layers, timestep
        What every backbone is asked for; all must be None.

    Raises
    ------
    InputError
        If it is given a path, layers or a timestep: it has none.
    """
    if path is not None or layers is not None or timestep is not None:
        raise InputError("features:mind: has no weights, layers or timestep; leave them out")
    return MINDFeatures()
