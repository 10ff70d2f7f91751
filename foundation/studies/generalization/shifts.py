"""Controlled shifts of the domain: what a scanner or a protocol changes, at fixed severities.

As in ImageNet-C (Hendrycks and Dietterich, ICLR 2019) a severity from 1 to 5 is a setting that is
written down here once, and the shifted image is stored, so that every model sees the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from regkit.errors import InputError
from regkit.kernels.smoothing import gaussian
from regkit.resample import warp
from regkit.settings import near
from regkit.transforms import Affine
from regkit.volume import Volume

SEVERITIES = (1, 2, 3, 4, 5)
Change = Callable[[Volume, float, np.random.Generator], Tensor]


@dataclass(frozen=True)
class DomainShift:
    """One kind of shift.

    Parameters
    ----------
    name
        What studies call it.
    settings
        That of each severity, the mildest first.
    meaning
        What the setting is, in a few words.
    change
        Image, setting and generator to intensities ``(C, i, j, k)``.
    """

    name: str
    settings: tuple[float, ...]
    meaning: str
    change: Change

    def apply(self, image: Volume, severity: int, generator: np.random.Generator) -> Volume:
        """Return the shifted image on the same grid, float32.

        Parameters
        ----------
        image
            ``(C, i, j, k)`` in a world whose unit is a length.
        severity
            From 1 to 5.
        generator
            Where the draws come from.

        Raises
        ------
        InputError
            If the severity is none, or lengths of the world are not known.
        """
        if severity not in SEVERITIES:
            raise InputError(f"severity {severity}; allowed: 1 to {len(SEVERITIES)}")
        given = replace(image.in_unit("mm"), data=image.data.float())
        data = self.change(given, self.settings[severity - 1], generator)
        return replace(image, data=data.float())


def _range(image: Volume) -> tuple[float, float]:
    """Background and bright tissue: the first and the 99th percentile."""
    values = image.data_values().flatten()
    some = values[:: max(1, len(values) // 1_000_000)]
    low, high = np.quantile(some.numpy(), [0.01, 0.99])
    return float(low), max(float(high), float(low) + 1e-6)


def _scaled(image: Volume) -> tuple[Tensor, float, float]:
    low, high = _range(image)
    return ((image.data - low) / (high - low)).clamp(0, 1), low, high


def _gamma(image: Volume, exponent: float, generator: np.random.Generator) -> Tensor:
    unit, low, high = _scaled(image)
    return low + (high - low) * unit**exponent


def _inversion(image: Volume, weight: float, generator: np.random.Generator) -> Tensor:
    """Bright becomes dark inside the body; what is darkest stays the background."""
    unit, low, high = _scaled(image)
    mixed = (1 - weight) * unit + weight * (1 - unit)
    return low + (high - low) * torch.where(unit > 0.02, mixed, unit)


def _bias(image: Volume, strength: float, generator: np.random.Generator) -> Tensor:
    """A smooth factor, the exponential of a polynomial of the third degree across the image."""
    axes = [np.linspace(-1, 1, n) for n in image.shape]
    field = np.zeros(image.shape)
    for axis, places in enumerate(axes):
        powers = np.polynomial.legendre.legval(places, [0, *generator.normal(size=3)])
        field += powers.reshape([-1 if n == axis else 1 for n in range(len(axes))])
    factor = np.exp(strength * field / max(np.abs(field).max(), 1e-9))
    return image.data * torch.from_numpy(factor).float()


def _blur(image: Volume, sd: float, generator: np.random.Generator) -> Tensor:
    return gaussian(image.data, [sd / step for step in image.spacing])


def _resolution(image: Volume, thickness: float, generator: np.random.Generator) -> Tensor:
    """Thick slices along the axis whose voxels are longest, put back on the grid."""
    axis = int(np.argmax(image.spacing))
    wanted = [max(step, thickness) if n == axis else step for n, step in enumerate(image.spacing)]
    half = [0.0 if n != axis else 0.4 * wanted[n] / image.spacing[n] for n in range(image.ndim)]
    smooth = image.with_data(gaussian(image.data, half))
    thick = warp(smooth, Affine.identity(image.ndim), onto=image.grid.with_spacing(wanted))
    # The last slices of the grid lie beyond the centres of the thick ones.
    back = warp(thick, Affine.identity(image.ndim), onto=image.grid)
    seen = warp(
        thick.with_data(torch.ones_like(thick.data)), Affine.identity(image.ndim), onto=image.grid
    )
    return torch.where(seen.data > 0.99, back.data, smooth.data)


def _noise(image: Volume, share: float, generator: np.random.Generator) -> Tensor:
    """Rician noise, whose standard deviation is a share of the range of the image."""
    low, high = _range(image)
    sd = share * (high - low)
    real, imaginary = (
        torch.from_numpy(generator.normal(0, sd, (1, *image.shape))).float() for _ in range(2)
    )
    return low + torch.hypot(image.data - low + real, imaginary)


def _ghosting(image: Volume, weight: float, generator: np.random.Generator) -> Tensor:
    """Copies of the body along the second axis: every fourth line of k-space is weaker."""
    lines = torch.fft.fft(image.data, dim=2)
    lines[:, :, 1::4] *= 1 - weight
    ghosts: Tensor = torch.fft.ifft(lines, dim=2).real
    return ghosts


SHIFTS = {
    each.name: each
    for each in (
        DomainShift("gamma", (0.8, 0.65, 0.5, 0.4, 0.3), "exponent", _gamma),
        DomainShift("inversion", (0.6, 0.7, 0.8, 0.9, 1.0), "weight of the inverse", _inversion),
        DomainShift("bias", (0.2, 0.35, 0.5, 0.75, 1.0), "largest logarithm", _bias),
        DomainShift("blur", (0.5, 1.0, 1.5, 2.0, 3.0), "sd in mm", _blur),
        DomainShift("resolution", (2.0, 3.0, 4.0, 5.0, 6.0), "slices in mm", _resolution),
        DomainShift("noise", (0.02, 0.05, 0.08, 0.12, 0.18), "sd, share of the range", _noise),
        DomainShift("ghosting", (0.2, 0.35, 0.5, 0.7, 0.9), "loss of every 4th line", _ghosting),
    )
}


def shift_called(name: str) -> DomainShift:
    """Return the shift of that name.

    Raises
    ------
    InputError
        If there is none, with the names that are near.
    """
    if name not in SHIFTS:
        raise InputError(f"shift {name!r:.40}: there is none{near(name, SHIFTS)}")
    return SHIFTS[name]
