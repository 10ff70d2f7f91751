"""DenoiseConfig: everything that decides a denoised image, apart from the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from regkit.errors import InputError
from regkit.registration.config import configs
from regkit.settings import Settings, validate

NoiseName = Literal["auto", "gaussian", "rician", "poisson", "speckle"]
MethodName = Literal[
    "auto", "recorrupted", "blindspot", "noise2void", "noise2self", "neighbours", "diffusion"
]
Dimensions = Literal["auto", "2", "2.5", "3"]
Frames = Literal["together", "alone", "repeats"]
BlindKind = Literal["dilated", "rotated"]
ConditionKind = Literal["blind", "slices", "pairs", "repeats"]
PredictKind = Literal["image", "velocity"]
Solver = Literal["ddim", "dpm"]
Hidden = Annotated[int, Field(ge=0, le=4)]
PRESETS = ("fast", "default", "accurate")


class DenoiseConfig(Settings):
    """Settings of `regkit denoise`; the same names in Python, YAML and on the command line.

    Parameters
    ----------
    noise, sigma
        What kind, and its standard deviation in intensities; estimated where left out.
    method
        ``recorrupted`` trains a U-Net on recorrupted pairs, ``blindspot`` a blind-spot network
        with posterior mean, ``noise2void`` and ``noise2self`` a U-Net on hidden voxels,
        ``neighbours`` one on neighbouring voxels, ``diffusion`` the three stages of DiffDenoise.
        ``auto`` is the best that was measured: ``recorrupted``.
    network
        Of a blind spot: ``dilated`` in 2-D, 2.5-D or 3-D, ``rotated`` (Laine) slice by slice.
    hidden
        For noise that is correlated, in blind spots and masks: half the size of what is hidden
        around a voxel along both axes of a slice and across slices.
    condition, condition_noise
        What the diffusion model is told: ``blind``, the prediction of the blind spot, as in the
        paper; without noise of what it predicts ``slices``, the two beside each one, ``pairs``,
        neighbouring voxels, and ``repeats``, another frame of a 4-D image. The noise that is added
        to a blind condition, over sigma.
    predict, solver, sampling_steps, pairs
        ``image`` or ``velocity``; ``ddim`` or ``dpm`` (DPM-Solver++); steps of the sampler, and
        pairs of opposite starts.
    dimensions
        Of the network: ``2.5`` sees two slices on each side of one. ``auto`` takes 3 where there
        are 8 slices or more.
    frames
        Of a 4-D image: ``together`` joins each with what the others tell of it, where there are
        four or more, ``alone`` learns from all and lends nothing, ``repeats`` takes them for
        repeated images of one scene and makes one of them.
    from_scratch
        Learn from nothing; otherwise from the shipped start, where one fits: see
        :func:`denoise.start.with_start`.
    steps, scratch_steps, start_steps
        Training steps. Where ``steps`` is left out, ``scratch_steps`` of a network that learns from
        nothing, and ``start_steps`` of one that goes on from the shipped start.
    rate, start_rate
        Learning rate, from nothing and from the start.
    patch, widths
        Voxels of a patch along an axis, channels of each level.
    passes
        How many mirror images of the image are denoised and averaged: 1 to 8.
    device, threads, seed
        Where it runs, on how many CPU threads (0: all), and the seed of everything random.

    Examples
    --------
    >>> make_denoise_config("fast", seed=3).seed
    3
    """

    noise: NoiseName = "auto"
    sigma: float | None = Field(None, ge=0)
    method: MethodName = "auto"
    network: BlindKind = "dilated"
    hidden: tuple[Hidden, Hidden, Hidden] = (0, 0, 0)
    condition: ConditionKind = "blind"
    condition_noise: float = Field(0.0, ge=0)
    predict: PredictKind = "image"
    solver: Solver = "ddim"
    sampling_steps: int = Field(5, gt=0, le=1000)
    pairs: int = Field(1, gt=0)
    dimensions: Dimensions = "auto"
    frames: Frames = "together"
    from_scratch: bool = False
    steps: int | None = Field(None, gt=0)
    scratch_steps: int = Field(3000, gt=0)
    start_steps: int = Field(400, gt=0)
    rate: float = Field(2e-3, gt=0)
    start_rate: float = Field(5e-4, gt=0)
    patch: int = Field(48, ge=8, le=256)
    batch: int = Field(1, gt=0)
    widths: tuple[int, ...] = Field((16, 32, 64), min_length=2)
    strength: float = Field(0.5, gt=0)
    passes: int = Field(8, ge=1, le=8)
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")
    threads: int = Field(0, ge=0)
    seed: int = 0


def make_denoise_config(
    preset: str = "default", *, file: Mapping[str, Any] | None = None, **options: Any
) -> DenoiseConfig:
    """Start from a preset of ``configs/denoise``, change it by a file, then by single options.

    Parameters
    ----------
    preset
        ``fast``, ``default`` or ``accurate``.
    file
        What a user's own YAML file says.
    options
        Fields of :class:`DenoiseConfig`; those that are None change nothing.

    Raises
    ------
    InputError
        If the preset or an option does not exist, or a value is not allowed.
    """
    said = {name: value for name, value in options.items() if value is not None}
    return validate(DenoiseConfig, _preset(preset) | dict(file or {}) | said, "option")


def _preset(name: str) -> dict[str, Any]:
    if name not in PRESETS:
        raise InputError(f"preset {name!r} does not exist; allowed: {', '.join(PRESETS)}")
    text = (configs() / "denoise" / f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
