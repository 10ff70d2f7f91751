"""Which arithmetic the layers run in."""

from __future__ import annotations

import torch

# bfloat16 rounds an intensity of 1 by up to 0.004: half a tenth of the weakest noise allowed here.
_WEAKEST = 0.04


def precision(device: torch.device, sigma: float) -> torch.autocast:
    """Use bfloat16 where the processor multiplies it natively and the noise hides its errors.

    Parameters
    ----------
    sigma
        Standard deviation of the noise of images whose intensities reach about 1.

    Examples
    --------
    >>> with precision(torch.device("cpu"), sigma=0.001):
    ...     torch.nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2)).dtype
    torch.float32
    """
    return torch.autocast(
        device.type, torch.bfloat16, enabled=sigma >= _WEAKEST and _native(device)
    )


def _native(device: torch.device) -> bool:
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported()
