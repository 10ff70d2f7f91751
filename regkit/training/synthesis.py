"""Draw random shapes, deformations and contrasts, so that a network learns without data.

Hoffmann et al., SynthMorph, IEEE TMI 2022: label maps from noise, or real ones, are deformed,
and every label gets a random intensity, so that a network can rely on no contrast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from regkit.errors import InputError
from regkit.kernels.sampling import unit_points, warp_unit
from regkit.kernels.windows import box_mean

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
_DOUBLINGS = 6  # 64 steps of Euler; more changes a field by less than a hundredth of a voxel
_KNOTS = 8
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Deformation:
    """The distribution of random deformations.

    ``scales`` are distances between the knots of the noise, as shares of the field of view, and
    ``reach`` the standard deviation of the displacement that each adds, in the same unit.
    ``affine`` is that of the entries of a random matrix before it.
    """

    scales: tuple[float, ...] = (0.5, 0.2, 0.1)
    reach: tuple[float, ...] = (0.02, 0.015, 0.008)
    affine: float = 0.03

    def draw(
        self, shape: Sequence[int], generator: torch.Generator, device: torch.device = _CPU
    ) -> Tensor:
        """Draw a displacement ``(1, d, *shape)`` in shares of the view: affine, then smooth.

        Without its affine it is diffeomorphic: a velocity field, integrated by squaring.
        """
        if len(self.scales) != len(self.reach):
            raise InputError("every scale of a deformation needs its reach, and the reverse")
        strength = float(torch.rand((), generator=generator))  # gentle ones are to be learned too
        velocity = torch.zeros(1, len(shape), *shape, device=device)
        for scale, reach in zip(self.scales, self.reach, strict=True):
            velocity += strength * reach * noise(shape, scale, len(shape), generator, device)
        points = unit_points(shape, velocity)
        u = integrate_velocity(velocity) if self.scales else velocity
        matrix = self.affine * torch.randn(len(shape), len(shape), generator=generator)
        return u + torch.einsum("ab,zb...->za...", matrix.to(device), points + u - 0.5)


def noise(
    shape: Sequence[int],
    scale: float,
    channels: int,
    generator: torch.Generator,
    device: torch.device = _CPU,
) -> Tensor:
    """Draw smooth noise ``(1, channels, *shape)`` of standard deviation near 1.

    Parameters
    ----------
    scale
        Distance of its knots, as a share of the field of view.
    generator
        Of the CPU, here and below, so that every device draws the same.

    Examples
    --------
    >>> noise((8, 9), 0.3, 2, torch.Generator().manual_seed(0)).shape
    torch.Size([1, 2, 8, 9])
    """
    knots = [max(2, min(n, round(1 / scale) + 2)) for n in shape]
    values = torch.randn(1, channels, *knots, generator=generator)
    out = functional.interpolate(
        values.to(device), size=list(shape), mode=_LINEAR[len(shape)], align_corners=True
    )
    return _blurred(out, shape, scale)


def _blurred(x: Tensor, shape: Sequence[int], scale: float) -> Tensor:
    """Smooth away the creases of linear interpolation, by box means of half the knots' distance."""
    halves = [int(scale * n / 4) if n > 1 else 0 for n in shape]
    out: Tensor = box_mean(x[0], halves)[None] * 1.5
    return out  # about what interpolation and means take from the variance


def integrate_velocity(velocity: Tensor) -> Tensor:
    """Integrate a velocity by scaling and squaring: ``exp(v) - id``, ``(B, d, *shape)``.

    Both are in shares of the field of view.
    """
    u: Tensor = velocity / 2**_DOUBLINGS
    for _ in range(_DOUBLINGS):
        u = u + warp_unit(u, u)
    return u


def random_labels(
    shape: Sequence[int], count: int, generator: torch.Generator, device: torch.device = _CPU
) -> Tensor:
    """Draw a map of labels of random shapes.

    Each label has its own noise, and each voxel takes the label whose noise is largest there.

    Parameters
    ----------
    shape
        Of the map, in 2-D or 3-D.
    count
        How many labels there are.
    generator
        Of the CPU, so that every device draws the same.
    device
        Where the map is put.

    Returns
    -------
    Tensor
        Integers 0 to ``count - 1``, ``(1, 1, *shape)``.

    Examples
    --------
    >>> labels = random_labels((8, 8), 3, torch.Generator().manual_seed(0))
    >>> bool(labels.min() >= 0) and bool(labels.max() <= 2)
    True
    """
    scale = 0.12 + 0.2 * float(torch.rand((), generator=generator))
    return noise(shape, scale, count, generator, device).argmax(1, keepdim=True)


def paint_labels(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Paint an image in [0, 1] from a map of labels: every label gets a random intensity.

    Parameters
    ----------
    labels
        Integers ``(1, 1, *shape)``; 0 is dark.
    """
    means = torch.rand(int(labels.max()) + 1, generator=generator)
    means[0] = 0
    return degrade(means.to(labels.device)[labels], generator)


def recolour(image: Tensor, generator: torch.Generator) -> Tensor:
    """Show ``image`` in another contrast, by a random curve of intensities; the dark stays dark.

    Parameters
    ----------
    image
        In [0, 1], ``(1, 1, *shape)``.
    """
    curve = torch.rand(_KNOTS, generator=generator)
    curve[0] = 0
    curve = curve.to(image.device)
    at = image * (_KNOTS - 1)
    low = at.floor().clamp(max=_KNOTS - 2).long()
    share = at - low
    return degrade((1 - share) * curve[low] + share * curve[low + 1], generator)


def degrade(image: Tensor, generator: torch.Generator) -> Tensor:
    """Give ``image (1, 1, *shape)`` the faults of scanners: a bias field, noise, another gamma.

    The result is in [0, 1]; where the image is 0 there is no noise.
    """
    shape = image.shape[2:]
    bias, grain, gamma = torch.rand(3, generator=generator).tolist()
    out = image * (0.3 * bias * noise(shape, 0.5, 1, generator, image.device)).exp()
    out = out / out.amax().clamp(min=1e-6)
    out = out.clamp(0, 1).pow(2.0 ** (gamma - 0.5))
    grainy = torch.randn(image.shape, generator=generator).to(image.device) * 0.04 * grain
    out = out + grainy * (out > 0)
    return torch.clamp(out, 0, 1)
