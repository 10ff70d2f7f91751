"""Open a guided-diffusion checkpoint as a backbone, in DGIR's two settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from foundation.features.adm import ADM, ADMShape, block_names
from foundation.features.denoiser import DenoiserFeatures
from regkit.errors import InputError

# DGIR (arXiv 2506.02419), released code: LNCC of feature maps, independent noise.
_PLANE: dict[str, Any] = {"distance": "lncc", "sigma": 4.0, "noise": "independent"}
_SPACE: dict[str, Any] = {**_PLANE, "sigma": 5.0, "slices": 4, "axes": "random"}


def open_dgir_2d(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> DenoiserFeatures:
    """OpenAI's diffusion model as DGIR uses it for radiographs: ``dgir-2d=FILE``.

    Parameters
    ----------
    path
        An unconditional guided-diffusion checkpoint, such as ``256x256_diffusion_uncond.pt``.
    layers
        Names of blocks; ``output_blocks.10`` if not given.
    timestep
        How much noise the network is told that there is; 60 if not given.

    Raises
    ------
    InputError
        If the file is no such checkpoint, or there is no such block.
    """
    return _features("dgir-2d", path, layers, timestep, ("output_blocks.10", 60), _PLANE)


def open_dgir_3d(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> DenoiserFeatures:
    """OpenAI's diffusion model as DGIR uses it for brains: ``dgir-3d=FILE``.

    By default it needs 41.5 of the checkpoint's 553 million weights.

    Parameters
    ----------
    path
        An unconditional guided-diffusion checkpoint, such as ``256x256_diffusion_uncond.pt``.
    layers
        Names of blocks; ``input_blocks.11`` if not given.
    timestep
        How much noise the network is told that there is; 50 if not given.

    Raises
    ------
    InputError
        If the file is no such checkpoint, or there is no such block.
    """
    return _features("dgir-3d", path, layers, timestep, ("input_blocks.11", 50), _SPACE)


def _features(
    name: str,
    path: Path | None,
    layers: Sequence[str] | None,
    timestep: int | None,
    default: tuple[str, int],
    settings: Mapping[str, Any],
) -> DenoiserFeatures:
    if path is None or not path.is_file():
        raise InputError(
            f"features:{name}={path or ''}: needs a guided-diffusion checkpoint on this machine, "
            "such as 256x256_diffusion_uncond.pt; nothing is downloaded"
        )
    wanted = tuple(layers or default[:1])
    network = read_adm(path, wanted)
    return DenoiserFeatures(
        name,
        network,
        wanted,
        default[1] if timestep is None else timestep,
        channels=network.shape.inputs,
        multiple=2 ** (len(network.shape.multipliers) - 1),
        settings=settings,
        files=(path,),
    )


def read_adm(path: Path, layers: Sequence[str]) -> ADM:
    """Read the part of an unconditional 256-pixel ADM that ``layers`` need, in float32.

    Raises
    ------
    InputError
        If the file is no such checkpoint, or there is no such block.
    """
    state = _state(path)
    first = state.get("input_blocks.0.0.weight")
    if first is None:
        raise InputError(f"{path.name}: is no guided-diffusion checkpoint (no input_blocks)")
    shape = ADMShape(channels=first.shape[0], inputs=first.shape[1])
    network = ADM(shape, _last(layers, block_names(shape), path))
    wanted = network.state_dict()
    lacking = [k for k, v in wanted.items() if k not in state or state[k].shape != v.shape]
    if lacking:
        raise InputError(
            f"{path.name}: {lacking[0]} is missing or of another shape; only the unconditional "
            "256-pixel model (256x256_diffusion_uncond.pt) is read"
        )
    network.load_state_dict({name: state[name].float() for name in wanted})
    return network


def _last(layers: Sequence[str], known: list[str], path: Path) -> str:
    """Return the one of ``layers`` that comes last in the network."""
    for layer in layers:
        if layer not in known:
            raise InputError(
                f"{path.name}: no block {layer!r}; allowed: input_blocks.N, middle_block, "
                "output_blocks.N"
            )

    def place(layer: str) -> tuple[int, int]:
        kind, _, number = layer.partition(".")
        return ("input_blocks", "middle_block", "output_blocks").index(kind), int(number or 0)

    return max(layers, key=place)


def _state(path: Path) -> Mapping[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, UnpicklingError, ValueError) as error:
        raise InputError(f"{path.name}: cannot be read as tensors of PyTorch") from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name}: holds {type(found).__name__}, not named tensors")
    return found
