"""The diffusion model that ships with regkit."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from foundation.features.denoiser import DenoiserFeatures
from foundation.features.folder import unet_features
from regkit.errors import InputError

LAYERS = ("down_blocks.0.resnets.0",)
TIMESTEP = 50
SETTINGS: dict[str, Any] = {"distance": "lncc2", "sigma": 2.0, "noise": "none", "axes": 0}


def open_small_diffusion(
    path: Path | None, layers: Sequence[str] | None, timestep: int | None
) -> DenoiserFeatures:
    """The small diffusion model that comes with regkit, trained briefly on photographs.

    Parameters
    ----------
    path
        Must be None: the weights ship with regkit.
    layers
        Names of the network's parts; ``down_blocks.0.resnets.0`` if not given.
    timestep
        How much noise the network is told that there is; 50 if not given.

    Raises
    ------
    InputError
        If it is given a path, or layers that it does not have.
    """
    if path is not None:
        raise InputError("features:small-diffusion: has its own weights; take diffusers=FOLDER")
    folder = Path(str(files("foundation") / "features" / "models" / "small-diffusion"))
    return unet_features(
        "small-diffusion",
        folder,
        layers,
        TIMESTEP if timestep is None else timestep,
        default=LAYERS,
        settings=SETTINGS,
    )
