"""Read a file of weights: safetensors, or a pickle that holds tensors and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from regkit.errors import InputError

_SHAPE, _CONTRAST = "shape", "contrast"
_DAMAGED = "cannot be read as weights: it is cut short, damaged, or of another kind; get it again"


@dataclass(frozen=True)
class TrainingDomain:
    """The grid and the contrasts that a network was trained on, as far as they are known.

    ``shape`` counts voxels an axis; ``contrast`` says what contrasts the pairs had.

    A network that knows ``one`` contrast is shown moving in that of fixed.
    """

    shape: int | None = None
    contrast: Literal["any", "one"] = "any"


def read_checkpoint(path: Path, *, entry: str = "") -> dict[str, Tensor]:
    """Read named tensors from a file of weights, on the CPU.

    Parameters
    ----------
    path
        What ``torch.save(network.state_dict(), path)`` or safetensors has written.
    entry
        The name under which a checkpoint of a training run holds them, beside other things.

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
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        held = loaded[entry] if isinstance(loaded, Mapping) and entry in loaded else loaded
        return _tensors(held, path)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path.name}: {_pickled(error)}") from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name}: {_DAMAGED}") from error


def write_checkpoint(
    state: Mapping[str, Tensor], path: Path, trained: TrainingDomain | None = None
) -> None:
    """Write weights as safetensors, whole or not at all.

    Parameters
    ----------
    state
        Names to tensors of any shape.
    path
        The ``.safetensors`` file to write; one that is there is replaced.
    trained
        What the network was trained on, which the file then tells.
    """
    part = path.with_name(f".{path.name}.part")
    told = trained or TrainingDomain()
    metadata = {_SHAPE: str(told.shape)} if told.shape else {}
    if told.contrast == "one":
        metadata[_CONTRAST] = told.contrast
    try:
        tensors = {name: value.contiguous() for name, value in state.items()}
        # Written here: that way it has the mode of any other file, and a full disk says so.
        part.write_bytes(safetensors.torch.save(tensors, metadata or None))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def training_facts(path: Path) -> TrainingDomain:
    """Read what the weights in ``path`` were trained on, as far as the file tells.

    Only safetensors tell it; of any other file nothing is known.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    if path.suffix != ".safetensors":
        return TrainingDomain()
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path.name}: {_DAMAGED}") from error
    shape = told.get(_SHAPE, "")
    one = told.get(_CONTRAST) == "one"
    return TrainingDomain(int(shape) if shape.isdecimal() else None, "one" if one else "any")


def _pickled(error: pickle.UnpicklingError) -> str:
    """Say whether PyTorch refused to run something, or there was nothing to run."""
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
