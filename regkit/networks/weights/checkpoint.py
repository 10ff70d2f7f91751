"""Read a file of weights: safetensors, or a pickle that holds tensors and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from regkit.errors import InputError

_SHAPE = "shape"
_DAMAGED = "cannot be read as weights: it is cut short, damaged, or of another kind; get it again"


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Names to tensors, on the CPU.

    Parameters
    ----------
    path
        What ``torch.save(network.state_dict(), path)`` or safetensors has written.

    Raises
    ------
    InputError
        If the file is missing, cut short, damaged, or holds anything but named tensors. A pickle
        that would run code is never run.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; regkit weights list shows what is here")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return _tensors(torch.load(path, map_location="cpu", weights_only=True), path)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path.name}: {_pickled(error)}") from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name}: {_DAMAGED}") from error


def write_checkpoint(state: Mapping[str, Tensor], path: Path, *, shape: int = 0) -> None:
    """Write ``state`` as safetensors, whole or not at all.

    ``shape`` is the number of voxels an axis that the network was trained on, if it is known.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        metadata = {_SHAPE: str(shape)} if shape else None
        safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, part, metadata)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def trained_shape(path: Path) -> int | None:
    """Voxels an axis that the weights in ``path`` were trained on, if the file tells."""
    if path.suffix != ".safetensors":
        return None
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = (file.metadata() or {}).get(_SHAPE, "")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path.name}: {_DAMAGED}") from error
    return int(told) if told.isdecimal() else None


def _pickled(error: pickle.UnpicklingError) -> str:
    """Whether PyTorch refused to run something, or there was nothing to run."""
    if "Unsupported" in str(error) or "not an allowed global" in str(error):
        return (
            "holds more than tensors, and what that is would have to be run to be read; save the "
            "network's state_dict() alone and give that"
        )
    return _DAMAGED


def _tensors(loaded: Any, path: Path) -> dict[str, Tensor]:
    named = isinstance(loaded, Mapping) and loaded
    if named and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()):
        return dict(loaded)
    raise InputError(
        f"{path.name}: holds {type(loaded).__name__}, not names and tensors; save the network's "
        "state_dict() and give that"
    )
