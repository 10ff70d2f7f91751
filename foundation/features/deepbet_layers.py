"""The encoder and decoder of deepbet's brain extraction as a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from foundation.features.padded import PaddedFeatures
from foundation.segmenters.deepbet import BRAIN_FILE, deepbet_folder, link_net
from regkit.errors import InputError

_LAYERS = ("init", "down0", "down1", "down2", "down3", "up0", "up1", "up2", "up3", "conv")
_MULTIPLE = 32


def open_deepbet_layers(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> PaddedFeatures:
    """Layers of the brain extraction of deepbet 1.0.2 (MIT), in 3-D.

    Parameters
    ----------
    path
        ``model.pt`` of the package, or its folder; None: that of the package that is installed.
    layers
        Names of parts, such as ``down3``; every level if not given.
    timestep
        Not used: it has none.

    Raises
    ------
    InputError
        If the weights are not there, or a layer is not one of the network.
    """
    weights = deepbet_folder(path) / BRAIN_FILE
    return PaddedFeatures(
        "deepbet", link_net(weights), tuple(layers or _LAYERS), ndim=3, multiple=_MULTIPLE,
        shown=as_deepbet_sees, files=(weights,),
    )  # fmt: skip


def as_deepbet_sees(images: Tensor) -> Tensor:
    """Scale images ``(N, 1, i, j, k)`` in [0, 1] as deepbet shows them to its network.

    Raises
    ------
    InputError
        If an image has no contrast.
    """
    axes = tuple(range(1, images.ndim))
    spread = images.std(axes, keepdim=True)
    if not bool((spread > 0).all()):
        raise InputError("features:deepbet: an image has no contrast")
    return 0.226 * (images - images.mean(axes, keepdim=True)) / spread + 0.449
