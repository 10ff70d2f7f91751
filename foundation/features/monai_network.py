"""MONAI's networks with a file of weights, as backbones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from foundation.features.padded import SHOWN, PaddedFeatures
from regkit.errors import InputError, require
from regkit.features import weights_in
from regkit.io.settings import read_settings
from regkit.networks.weights.checkpoint import read_checkpoint
from regkit.settings import near

DESCRIPTION = "network.yaml"
_WEIGHTS = (".safetensors", ".pt", ".pth")
_MULTIPLES = {"SwinUNETR": 32, "UNet": 16, "SegResNet": 8}
_SETTINGS = ("network", "arguments", "layers", "multiple", "shown")


def open_monai_network(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> PaddedFeatures:
    """MONAI's SwinUNETR, UNet or SegResNet with a file of weights: ``monai=FOLDER``.

    The folder holds one file of weights and ``network.yaml``, which says ``network`` (the class),
    its ``arguments``, and, where they differ, ``layers``, ``multiple`` and ``shown``.

    Parameters
    ----------
    path
        The folder.
    layers
        Names as in ``network.named_modules()``; those of ``network.yaml``, or its children, if
        not given.
    timestep
        Not used: it has none.

    Raises
    ------
    InputError
        If the folder lacks one of both, the weights are of another network, or a layer is not one
        of it.
    """
    if path is None or not (path / DESCRIPTION).is_file():
        raise InputError(f"features:monai={path or ''}: needs a folder with {DESCRIPTION}")
    said = read_settings(path / DESCRIPTION)
    for key in said:
        if key not in _SETTINGS:
            raise InputError(
                f"{path.name}/{DESCRIPTION}: {key!r} is not known{near(key, _SETTINGS)}"
            )
    network, weights = _network(said, path), _weights(path)
    _fill(network, read_checkpoint(weights), weights)
    shown = str(said.get("shown", "standardised"))
    if shown not in SHOWN:
        raise InputError(f"{path.name}/{DESCRIPTION}: shown {shown!r}; allowed: {', '.join(SHOWN)}")
    return PaddedFeatures(
        f"monai={path.name}", network,
        tuple(layers or said.get("layers") or (name for name, _ in network.named_children())),
        ndim=int(said.get("arguments", {}).get("spatial_dims", 3)),
        multiple=int(said.get("multiple", _MULTIPLES[str(said["network"])])),
        shown=SHOWN[shown], files=(weights, *weights_in(path), path / DESCRIPTION),
    )  # fmt: skip


def _network(said: Mapping[str, Any], path: Path) -> nn.Module:
    name = str(said.get("network", ""))
    if name not in _MULTIPLES:
        raise InputError(f"{path.name}/{DESCRIPTION}: network {name!r}{near(name, _MULTIPLES)}")
    kind = getattr(require("monai.networks.nets", extra="monai"), name)
    try:
        network: nn.Module = kind(**said.get("arguments", {}))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path.name}/{DESCRIPTION}: no {name} of that: {error!s:.120}") from error
    return network


def _weights(path: Path) -> Path:
    found = sorted(each for each in path.iterdir() if each.suffix in _WEIGHTS)
    if len(found) != 1:
        raise InputError(
            f"{path.name}: holds {len(found)} files of weights; one of {', '.join(_WEIGHTS)} is "
            "needed"
        )
    return found[0]


def _fill(network: nn.Module, state: Mapping[str, Tensor], weights: Path) -> None:
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise InputError(f"{weights.name}: is of another network: {reason:.120}") from error
