"""Result: a denoised image and what is known of how it came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch

from denoise.config import DenoiseConfig
from denoise.learning.validation import Validation
from denoise.methods import Method
from denoise.noise.model import NoiseModel
from denoise.scaling import Scaling
from regkit.volume import Volume


@dataclass(frozen=True, eq=False)
class DenoiseResult:
    """What :func:`denoise.pipeline.denoise` returns.

    Parameters
    ----------
    noisy, denoised
        On one grid and in one type; intensities are those of the file.
    mask
        ``(*spatial)``: where noise was estimated and taken away.
    scaling
        Between intensities and the scale of the network, with the noise model.
    uncertainty
        Standard deviation that the noise leaves in ``denoised``, in intensities, float32 (of a
        series: in each frame denoised alone); see
        :func:`denoise.ensemble.remaining_noise`.
    correlation
        Of the noise of neighbouring voxels, along each axis.
    history
        What was found at every check of the training; empty where a trained model was applied.
    notes
        What a person should know, one sentence each.
    config
        All settings.
    method
        What ran, ``none`` where there was nothing to denoise.
    learned
        The network that was applied.
    seconds
        Of wall time: ``learning`` and ``applying``.
    """

    noisy: Volume
    denoised: Volume
    mask: torch.Tensor
    scaling: Scaling
    uncertainty: Volume
    correlation: tuple[float, ...]
    config: DenoiseConfig
    method: str
    history: tuple[Validation, ...] = ()
    notes: tuple[str, ...] = ()
    learned: Method | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def model(self) -> NoiseModel:
        """Of the noise."""
        return self.scaling.model

    @cached_property
    def residual(self) -> Volume:
        """What was taken away, float32: noise alone, if all went well."""
        apart = self.noisy.data.float() - self.denoised.data.float()
        return self.noisy.with_data(apart)
