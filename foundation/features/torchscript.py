"""Open TorchScript backbones, such as those of IMPACT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from regkit.errors import InputError

_PROBES = ((2, 1), (2, 3), (3, 1), (3, 3))  # dimension and channels, in the order tried
_SIZE = 64


@dataclass(frozen=True)
class ScriptFeatures:
    """Chosen maps of a TorchScript module, which scales the image itself.

    ``chosen`` numbers them. See :class:`regkit.features.Extractor`.
    """

    name: str
    network: nn.Module
    ndim: int
    channels: int
    chosen: tuple[int, ...]
    settings: Mapping[str, Any] = field(default_factory=lambda: {"distance": "l1", "noise": "none"})
    files: tuple[Path, ...] | None = None

    def draw(self, images: Tensor, generator: torch.Generator) -> None:
        """Draw nothing: it takes no noise."""

    def __call__(self, images: Tensor, noise: Tensor | None) -> list[Tensor]:
        """Turn ``(N, 1, *spatial)`` in [0, 1] into maps, one a chosen layer."""
        maps = _maps(self.network, images.repeat(1, self.channels, *[1] * (images.ndim - 2)))
        return [maps[n] for n in self.chosen]

    def to(self, device: torch.device) -> Self:
        """Move the module."""
        self.network.to(device)
        return self


def open_torchscript(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> ScriptFeatures:
    """A TorchScript backbone, as IMPACT has them: ``torchscript=FILE``.

    Whether it takes 1 or 3 channels, in 2-D or 3-D, is tried out.

    Parameters
    ----------
    path
        The TorchScript file; the module gives one map or several for an image.
    layers
        Numbers of the maps to take; all if not given.
    timestep
        Not used: such a module has none.

    Raises
    ------
    InputError
        If the file is no TorchScript, or takes no image; or a layer is no number of a map.
    """
    if path is None or not path.is_file():
        raise InputError(f"features:torchscript={path or ''}: needs a TorchScript file")
    try:
        network: nn.Module = torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        raise InputError(f"{path.name}: is no TorchScript module") from error
    network.eval()
    for weights in network.parameters():  # script modules have no requires_grad_ of their own
        weights.requires_grad_(False)
    ndim, channels, count = _probed(network, path)
    return ScriptFeatures(
        f"torchscript={path.name}", network, ndim, channels, _chosen(layers, count, path),
        files=(path,),
    )  # fmt: skip


def _probed(network: nn.Module, path: Path) -> tuple[int, int, int]:
    """Find out dimension and channels of a module's input, and how many maps it gives."""
    for ndim, channels in _PROBES:
        try:
            with torch.no_grad():
                maps = _maps(network, torch.zeros(1, channels, *[_SIZE] * ndim))
        except (RuntimeError, TypeError):
            continue
        if maps and all(each.ndim == ndim + 2 for each in maps):
            return ndim, channels, len(maps)
    raise InputError(
        f"{path.name}: gives no feature maps for one image of 1 or 3 channels and {_SIZE} pixels, "
        "in 2-D or 3-D; a backbone takes (N, C, *spatial) and gives tensors of that kind"
    )


def _maps(network: nn.Module, images: Tensor) -> list[Tensor]:
    out = network(images)
    return [out] if isinstance(out, Tensor) else list(out)


def _chosen(layers: Sequence[str] | None, count: int, path: Path) -> tuple[int, ...]:
    words = [str(n) for n in range(count)]
    for layer in layers or ():
        if layer not in words:
            raise InputError(f"{path.name}: no layer {layer!r}; allowed: {', '.join(words)}")
    return tuple(int(layer) for layer in (layers or words))
