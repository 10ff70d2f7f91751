"""The supervised ceiling: regkit's network, trained on the clean image of another person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.denoising_cases import Array, Case
from denoise.config import DenoiseConfig
from denoise.ensemble import denoise_array
from denoise.learning.fit import HeldOut
from denoise.learning.patches import checked_part
from denoise.learning.setting import TrainingData, train_method
from denoise.methods import make_method
from regkit.errors import InputError


@dataclass(frozen=True)
class _Truth:
    """Clean patches, to which noise is added; Rician as it comes."""

    rician: bool

    def loss(
        self, network: nn.Module, clean: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        parts = torch.randn(2, *clean.shape, generator=generator).to(clean) * sigma
        noisy = torch.hypot(clean + parts[0], parts[1]) if self.rician else clean + parts[0]
        return functional.mse_loss(network(noisy).float(), clean) / sigma**2

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        out: Tensor = network(noisy)
        return out.float()


def trained_with_truth(case: Case, config: DenoiseConfig) -> Array:
    """What the network makes of the case, as many steps and passes as the others have.

    Raises
    ------
    InputError
        If there is no clean image of another person.
    """
    if case.training is None or case.sigma is None:
        raise InputError(f"{case.name}: has no clean image of another person")
    torch.manual_seed(config.seed)
    method = make_method(config, case.noisy.shape, case.spacing)
    method = type(method)(
        "supervised", method.network, _Truth("rician" in case.name), method.reach, method.multiple
    )
    clean, noisy = torch.from_numpy(case.training), torch.from_numpy(case.noisy)
    mask = torch.from_numpy(case.mask)
    setting = TrainingData(
        [clean], [clean > 0], HeldOut(*checked_part(noisy, mask)),
        case.sigma, case.spacing, True, config, torch.device("cpu"),
    )  # fmt: skip
    train_method(method, setting, [clean])
    out: Array = denoise_array(method, noisy, case.sigma, passes=config.passes).numpy()
    return np.ascontiguousarray(out)
