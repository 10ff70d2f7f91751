"""Open backbones in a folder that diffusers writes: pixel-space, or Stable Diffusion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from foundation.features.denoiser import DenoiserFeatures, resolve_layers
from foundation.features.latent import LatentFeatures, empty_prompt
from foundation.features.schedule import NoiseSchedule
from regkit.errors import InputError
from regkit.features import Extractor, weights_in
from regkit.optional_packages import diffusers


def open_folder(path: Path | None, layers: Sequence[str] | None, timestep: int | None) -> Extractor:
    """A model that diffusers wrote, in ``diffusers=FOLDER``; nothing is downloaded.

    Parameters
    ----------
    path
        A folder that holds a ``UNet2DModel``, itself or in ``unet`` below it; or Stable Diffusion,
        with ``unet`` and ``vae`` below it.
    layers
        Names of the network's parts; if not given, the last block of the decoder but one, or
        ``up_blocks.1`` of Stable Diffusion.
    timestep
        How much noise the network is told that there is; if not given, 50, or 261 for Stable
        Diffusion.

    Raises
    ------
    InputError
        If there is no such folder, or no such model in it.
    """
    if path is None or not path.is_dir():
        raise InputError(
            f"features:diffusers={path or ''}: needs a folder that diffusers wrote, on this "
            "machine; nothing is downloaded"
        )
    if (path / "vae").is_dir():
        return _stable(path, layers, timestep)
    inner = path / "unet" if (path / "unet").is_dir() else path
    return unet_features(f"diffusers={path.name}", inner, layers, timestep)


def unet_features(
    name: str,
    folder: Path,
    layers: Sequence[str] | None,
    timestep: int | None,
    *,
    default: tuple[str, ...] = (),
    settings: Mapping[str, Any] | None = None,
) -> DenoiserFeatures:
    """Open the ``UNet2DModel`` in ``folder`` as a backbone.

    Parameters
    ----------
    name
        What messages and reports call it, after ``features:``.
    folder
        Where diffusers wrote it.
    layers
        Names of the network's parts; ``default`` if not given.
    timestep
        How much noise the network is told that there is; 50 if not given.
    default
        Layers to take where the user names none; the last block of the decoder but one if empty.
    settings
        How it is best used: fields of :class:`regkit.registration.config.FeatureConfig`.

    Raises
    ------
    InputError
        If there is no such model in the folder.
    """
    network = _loaded("UNet2DModel", folder)
    depth = len(network.up_blocks)
    return DenoiserFeatures(
        name,
        network,
        resolve_layers(layers, default or (f"up_blocks.{max(0, depth - 2)}",)),
        50 if timestep is None else timestep,
        channels=network.config.in_channels,
        multiple=2 ** (depth - 1),
        settings=settings or {},
        files=tuple(weights_in(folder)),
    )


def _stable(path: Path, layers: Sequence[str] | None, timestep: int | None) -> LatentFeatures:
    unet = _loaded("UNet2DConditionModel", path / "unet")
    vae = _loaded("AutoencoderKL", path / "vae")
    return LatentFeatures(
        f"diffusers={path.name}",
        nn.ModuleDict({"unet": unet, "encoder": vae.encoder, "quant": vae.quant_conv}),
        tuple(f"unet.{layer}" for layer in resolve_layers(layers, ("up_blocks.1",))),
        261 if timestep is None else timestep,  # of DIFT (Tang et al., NeurIPS 2023)
        empty_prompt(path),
        scale=float(vae.config.scaling_factor),
        multiple=2 ** (len(vae.config.block_out_channels) - 1),
        schedule=NoiseSchedule.scaled_linear(),
        files=tuple(weights_in(path)),
    )


def _loaded(kind: str, folder: Path) -> Any:
    found = folder / "config.json"
    try:
        said = json.loads(found.read_text(encoding="utf-8")).get("_class_name")
    except (OSError, ValueError) as error:
        raise InputError(f"{found}: cannot be read; a diffusers {kind} has one") from error
    if said != kind:
        raise InputError(f"{found}: is of {said}, not {kind}; name a folder of that model")
    model = getattr(diffusers("features"), kind)
    return model.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
    )
