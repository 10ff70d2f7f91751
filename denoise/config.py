"""DenoiseConfig: everything that decides a denoised image, apart from the image."""

from __future__ import annotations

from typing import Any, Literal

import yaml
from pydantic import Field

from regkit.errors import InputError
from regkit.registration.config import configs
from regkit.settings import Settings, checked

Noise = Literal["auto", "gaussian", "rician", "poisson", "speckle"]
Method = Literal["auto", "recorrupted", "blindspot", "neighbours", "diffusion"]
Dimensions = Literal["auto", "2", "2.5", "3"]
PRESETS = ("fast", "default", "accurate")


class DenoiseConfig(Settings):
    """Settings of `regkit denoise`; the same names in Python, YAML and on the command line.

    Parameters
    ----------
    noise, sigma
        What kind, and its standard deviation in intensities; estimated where left out.
    method
        ``recorrupted`` trains a U-Net on recorrupted pairs, ``blindspot`` a blind-spot network
        with posterior mean, ``neighbours`` a U-Net on neighbouring voxels, ``diffusion`` the three
        stages of DiffDenoise. ``auto`` is the best that was measured: ``recorrupted``.
    dimensions
        Of the network: ``2.5`` sees two slices on each side of one. ``auto`` takes 3 where there
        are 8 slices or more.
    steps, rate, patch, widths
        Training steps, learning rate, voxels of a patch along an axis, channels of each level.
    passes
        How many mirror images of the image are denoised and averaged: 1 to 8.
    device, threads, seed
        Where it runs, on how many CPU threads (0: all), and the seed of everything random.

    Examples
    --------
    >>> make_denoise_config("fast", seed=3).seed
    3
    """

    noise: Noise = "auto"
    sigma: float | None = Field(None, ge=0)
    method: Method = "auto"
    dimensions: Dimensions = "auto"
    steps: int = Field(3000, gt=0)
    rate: float = Field(2e-3, gt=0)
    patch: int = Field(48, ge=8, le=256)
    batch: int = Field(1, gt=0)
    widths: tuple[int, ...] = Field((16, 32, 64), min_length=2)
    strength: float = Field(0.5, gt=0)
    passes: int = Field(8, ge=1, le=8)
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    threads: int = Field(0, ge=0)
    seed: int = 0


def make_denoise_config(preset: str = "default", **options: Any) -> DenoiseConfig:
    """A preset of ``configs/denoise``, changed by single options; those that are None are not.

    Raises
    ------
    InputError
        If the preset or an option does not exist, or a value is not allowed.
    """
    given = _preset(preset) | {name: value for name, value in options.items() if value is not None}
    return checked(DenoiseConfig, given, "option")


def _preset(name: str) -> dict[str, Any]:
    if name not in PRESETS:
        raise InputError(f"preset {name!r} does not exist; allowed: {', '.join(PRESETS)}")
    text = (configs() / "denoise" / f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
