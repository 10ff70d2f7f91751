"""The diffusion model of noisy images, as an objective like the others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoise.config import PredictKind, Solver
from denoise.diffusion.condition import Condition
from denoise.diffusion.sampling import scheduler, symmetric
from denoise.networks.unet import ResidualUNet, Shape

_START = 11


@dataclass(frozen=True, eq=False)
class Diffusion:
    """Learn how noisy images are distributed, given a condition; sample from opposite starts.

    The network gets the state, the condition and the level of noise as three channels, and gives
    the condition plus a change: the image, or minus the velocity (Salimans and Ho, ICLR 2022,
    appendix D), which at the level of pure noise is the same. Images are brought to variance about
    one by ``scale``, or the schedule of noise would be wrong for them.

    Parameters
    ----------
    condition
        See :mod:`denoise.diffusion.condition`.
    centre, scale
        Mean and standard deviation of the images that are learned from.
    steps, pairs, solver
        Of :func:`~denoise.diffusion.sampling.symmetric`.
    predict
        ``image`` or ``velocity``.
    """

    condition: Condition
    centre: float = 0.5
    scale: float = 0.3
    steps: int = 5
    pairs: int = 1
    solver: Solver = "ddim"
    predict: PredictKind = "image"

    def loss(
        self, network: nn.Module, noisy: Tensor, sigma: float, generator: torch.Generator
    ) -> Tensor:
        """Squared error of what is predicted at a random level of noise, in units of sigma²."""
        image, condition = (self._in(each) for each in self.condition.pair(noisy, generator))
        signal = self._signal.to(image)
        times = torch.randint(len(signal), (len(image),), generator=generator).to(image.device)
        kept = signal[times].view(-1, *[1] * (image.ndim - 1))
        drawn = torch.randn(image.shape, generator=generator).to(image)
        state = kept.sqrt() * image + (1 - kept).sqrt() * drawn
        level = (times / len(signal)).view_as(kept).expand_as(state)
        given = network(torch.cat([state, condition, level], 1)).float()
        wanted = image
        if self.predict == "velocity":
            wanted = (1 - kept).sqrt() * image - kept.sqrt() * drawn
        return functional.mse_loss(given, wanted) * (self.scale / sigma) ** 2

    def denoised(self, network: nn.Module, noisy: Tensor, sigma: float) -> Tensor:
        """The mean of opposite samples, from the same start for every image of one shape."""
        return self.sampled(network, noisy)[0]

    def sampled(self, network: nn.Module, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread of :func:`~denoise.diffusion.sampling.symmetric`, as images."""
        return self.chain(network, self.condition(noisy))

    def chain(
        self, network: Callable[[Tensor], Tensor], condition: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same, of a condition ``(1, 1, i, j, k)``, by what the network does to 3 channels."""
        told = self._in(condition)

        def predict(state: Tensor, time: float) -> Tensor:
            level = torch.full_like(state, time)
            return self.image(network(torch.cat([state, told, level], 1)).float(), state, time)

        mean, spread = symmetric(
            predict, told, generator=torch.Generator().manual_seed(_START),
            steps=self.steps, pairs=self.pairs, solver=self.solver,
        )  # fmt: skip
        return mean * self.scale + self.centre, spread * self.scale

    def image(self, given: Tensor, state: Tensor, time: float) -> Tensor:
        """The image without noise that the network means, at a time from 0 to 1.

        Examples
        --------
        >>> from denoise.diffusion.condition import SliceCondition
        >>> model = Diffusion(SliceCondition(), predict="velocity")
        >>> float(model.image(torch.tensor(3.0), torch.tensor(0.0), 0.999)) - 3 < 1e-3
        True
        """
        if self.predict == "image":
            return given
        kept = float(self._signal[min(round(time * len(self._signal)), len(self._signal) - 1)])
        return math.sqrt(kept) * state + math.sqrt(1 - kept) * given

    def _in(self, image: Tensor) -> Tensor:
        return (image - self.centre) / self.scale

    @cached_property
    def _signal(self) -> Tensor:
        """Share of the image's variance that is left at each time."""
        found: Tensor = scheduler(self.solver).alphas_cumprod
        return found


def diffusion_network(
    widths: tuple[int, ...], strides: tuple[tuple[int, ...], ...]
) -> ResidualUNet:
    """Make a U-Net of state, condition and level; what it predicts is added to the condition.

    Examples
    --------
    >>> net = diffusion_network((4, 8), ((2, 2, 2),))
    >>> net(torch.zeros(1, 3, 4, 4, 4)).shape
    torch.Size([1, 1, 4, 4, 4])
    """
    return ResidualUNet(Shape(widths, strides, inputs=3, centre=1))
