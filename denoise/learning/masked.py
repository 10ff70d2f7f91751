"""Masked: hide some voxels, and predict them from those around."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Places = Literal["random", "grid"]
_SHARE = 1 / 32
_POOLS = {2: functional.max_pool2d, 3: functional.max_pool3d}
_MEANS = {2: functional.avg_pool2d, 3: functional.avg_pool3d}


@dataclass(frozen=True)
class MaskedVoxels:
    """Any network, which learns the voxels that were hidden from it.

    What is hidden gets the mean of the visible voxels around, so that nothing of it is left; under
    ``random`` with noise as strong as theirs, or a network would know the hidden voxels by their
    look, and leave all others as they are.

    Parameters
    ----------
    places
        ``random``: Noise2Void (Krull et al., CVPR 2019); trained, it is applied to the image as it
        is. ``grid``: Noise2Self (Batson and Royer, ICML 2019); it is applied to one grid of hidden
        voxels after the other, so that no voxel takes part in its own estimate.
    hidden
        Half the size of what is hidden around such a voxel along each axis, for noise that is
        correlated there (Broaddus et al., ISBI 2020).

    Examples
    --------
    >>> from denoise.networks.unet import Shape, ResidualUNet
    >>> noisy, generator = torch.randn(1, 1, 8, 8, 8), torch.Generator().manual_seed(0)
    >>> net = ResidualUNet(Shape(widths=(4, 4), strides=((2, 2, 2),)))
    >>> bool(MaskedVoxels().loss(net, noisy, 1.0, generator) > 0)
    True
    """

    places: Places = "random"
    hidden: tuple[int, ...] = (0, 0, 0)

    def loss(
        self, network: nn.Module, noisy: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        """Mean squared error at the hidden voxels, in units of sigma²."""
        chosen = self._drawn(noisy, generator)
        seen = self.without(noisy, chosen)
        if self.places == "random":
            drawn = torch.randn(noisy.shape, generator=generator).to(noisy)
            seen = torch.where(seen != noisy, seen + sigma * drawn, seen)
        guess = network(seen).float()
        loss: Tensor = (guess - noisy)[chosen].square().mean() / sigma**2
        return loss

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        """The network on the image, or on it without one grid after the other."""
        if self.places == "random":
            out: Tensor = network(noisy)
            return out.float()
        found = torch.zeros_like(noisy)
        for phase in product(*map(range, self._spacing)):
            chosen = self._grid(noisy, phase)
            found = torch.where(chosen, network(self.without(noisy, chosen)).float(), found)
        return found

    def without(self, noisy: Tensor, chosen: Tensor) -> Tensor:
        """``noisy (N, 1, *spatial)``, with nothing left of the ``chosen`` voxels.

        Examples
        --------
        >>> image = torch.tensor([1.0, 9.0, 3.0]).reshape(1, 1, 3, 1)
        >>> MaskedVoxels(hidden=(0, 0)).without(image, image == 9).flatten()
        tensor([1., 2., 3.])
        """
        dims = noisy.ndim - 2
        size = tuple(2 * h + 1 for h in self.hidden[:dims])
        away = [h for h in reversed(self.hidden[:dims]) for _ in range(2)]
        gone = _POOLS[dims](functional.pad(chosen.float(), away), size, stride=1) > 0
        wide = tuple(n + 2 for n in size)
        border = [a + 1 for a in away]
        visible = (~gone).float()
        near = _MEANS[dims](functional.pad(noisy * visible, border), wide, stride=1)
        share = _MEANS[dims](functional.pad(visible, border), wide, stride=1)
        return torch.where(gone, near / share.clamp_min(1e-6), noisy)

    @property
    def _spacing(self) -> tuple[int, ...]:
        return tuple(2 + 2 * h for h in self.hidden)

    def _drawn(self, noisy: Tensor, generator: torch.Generator) -> Tensor:
        if self.places == "random":
            return (torch.rand(noisy.shape, generator=generator) < _SHARE).to(noisy.device)
        phase = [int(torch.randint(s, (1,), generator=generator)) for s in self._spacing]
        return self._grid(noisy, phase)

    def _grid(self, noisy: Tensor, phase: tuple[int, ...] | list[int]) -> Tensor:
        chosen = torch.zeros(noisy.shape, dtype=torch.bool, device=noisy.device)
        places = tuple(slice(p, None, s) for p, s in zip(phase, self._spacing, strict=True))
        chosen[(slice(None), slice(None), *places)] = True
        return chosen
