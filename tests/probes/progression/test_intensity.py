"""The gain of one visit against another."""

import numpy as np
import torch

from probes.progression.intensity import log_gain
from regkit.kernels.smoothing import gaussian


def test_a_slow_wave_of_the_gain_is_found_beside_dark_tissue():
    """150 voxels long, as a coil's: a window of 10 must neither flatten it nor lean to one side."""
    draw = torch.Generator().manual_seed(0)
    x = torch.arange(64.0)
    tissue = 80 + 15 * gaussian(torch.randn(1, 64, 48, 40, generator=draw), 2.0)[0]
    tissue = torch.where(x < 26, 0.2, 1.0)[:, None, None] * tissue
    wave = 0.05 * torch.sin(2 * np.pi * x / 150)[:, None, None].expand(tissue.shape)
    found = log_gain(tissue * torch.exp(wave), tissue, torch.ones_like(tissue), 10.0)
    inner = slice(10, -10)  # beyond the rim there is nothing to compare
    assert float((2 * found - wave)[inner].abs().max()) < 0.011
    assert float(wave.max()) > 0.04
