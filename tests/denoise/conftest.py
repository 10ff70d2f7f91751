"""A head-like phantom with noise, oblique, anisotropic, left-handed, and settings for seconds."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from denoise.config import DenoiseConfig
from regkit import Grid, Volume
from regkit.geometry.affines import homogeneous, rotation

SIGMA = 8.0


@dataclass(frozen=True)
class Noisy:
    """A phantom of 0 to about 100, and the same with Gaussian noise of ``SIGMA``."""

    clean: Volume
    image: Volume

    def psnr(self, volume):
        """Of 100, in dB."""
        error = (volume.data.float() - self.clean.data).square().mean()
        return float(10 * torch.log10(100**2 / error))


def phantom(shape):
    """Ellipsoids with sharp edges, folded bands inside, blurred by half a voxel."""
    at = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    radius = sum((x / s) ** 2 for x, s in zip(at, (0.85, 0.9, 1.3), strict=True))
    bands = np.sin(9 * at[0] + 3 * np.sin(4 * at[1])) > 0
    out = 40.0 * (radius < 1) + 35 * ((radius < 0.7) & bands) + 20 * (radius < 0.2)
    return torch.from_numpy(gaussian_filter(out, 0.5)).float()


@pytest.fixture(scope="session")
def noisy():
    shape = (49, 40, 23)
    linear = rotation([0.2, -0.15, 0.3]) @ np.diag([-1.0, 1.0, 1.4])
    grid = Grid(shape, homogeneous(linear, [21.0, -13.5, 4.25]))
    clean = Volume(phantom(shape), grid, "phantom.nii.gz")
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return Noisy(clean, clean.with_data(clean.data + SIGMA * noise))


@pytest.fixture(scope="session")
def quick():
    """Some seconds of learning."""
    return DenoiseConfig(steps=150, patch=24, batch=2, widths=(8, 16), passes=2, threads=1)
