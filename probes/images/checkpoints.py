"""Checkpoints: weights in a file, for a network that is there."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch
from torch import nn

from regkit.errors import InputError

_HEADS = ("fc", "head", "classifier")  # of networks of timm


def load_checkpoint(network: nn.Module, path: Path, classes: int) -> None:
    """Load a checkpoint into a network, whose every tensor it must hold.

    Parameters
    ----------
    network
        It is changed.
    path
        Safetensors, or a state dict of PyTorch, alone or as ``state_dict``.
    classes
        How many the network answers for; 0 for an encoder, where a classifier of the checkpoint is
        left out.

    Raises
    ------
    InputError
        If it holds no weights, or those of another network.
    """
    try:
        if path.suffix == ".safetensors":
            weights = importlib.import_module("safetensors.torch").load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged in any of the ways of two formats
        raise InputError(
            f"{path.name}: holds no weights (.safetensors, or a state dict)"
        ) from error
    weights = weights.get("state_dict", weights) if isinstance(weights, dict) else {}
    own = network.state_dict()
    if not classes:
        weights = {
            k: v for k, v in weights.items() if k in own or k.partition(".")[0] not in _HEADS
        }
    wrong = [key for key in own if key not in weights or weights[key].shape != own[key].shape]
    more = [key for key in weights if key not in own]
    heads = [key for key in wrong if key.partition(".")[0] in _HEADS and key in weights]
    if heads == wrong and heads and not more:
        raise InputError(
            f"{path.name}: answers for {len(weights[heads[0]])} classes, the data set has "
            f"{classes}; give the data set all of them, or weights for these"
        )
    if wrong or more:
        raise InputError(
            f"{path.name}: is of another network: {len(wrong)} of {len(own)} tensors are missing "
            f"or of another shape, {len(more)} are unknown; the first is {(wrong + more)[0]}"
        )
    network.load_state_dict(weights)
