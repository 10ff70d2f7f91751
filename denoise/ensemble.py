"""A denoiser on a whole image: mirrored, tiled, averaged, joined with a Wiener filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from denoise.methods import Method
from denoise.networks.layers import to_channels_last
from denoise.networks.precision import precision
from denoise.noise.repeats import correlate_noise
from denoise.tiles import map_tiles
from denoise.wiener import wiener

DRAWS, _STRENGTH = 4, 0.5
# Share of the Wiener filter in the result.
_WIENER = 0.5
_CHANNELS = 4
OnPass = Callable[[], None]


def _ignore() -> None:
    """Nobody counts the passes."""


def denoise_array(
    method: Method,
    noisy: Tensor,
    sigma: float,
    *,
    passes: int = 1,
    blur: Sequence[float] = (),
    on_pass: OnPass = _ignore,
) -> Tensor:
    """Denoise mirror images of an image, average them turned back, and join a Wiener filter.

    Parameters
    ----------
    method
        The network that is applied, and what tiles need to know of it.
    noisy
        ``(i, j, k)`` on the scale of the network, or ``(C, i, j, k)`` with what else the network
        sees; the first channel is the one that is denoised.
    sigma
        Standard deviation of its noise.
    passes
        How many mirror images, 1 to 8.
    blur
        Standard deviations, in voxels, of the Gaussian that correlated noise is like; see
        :func:`denoise.noise.repeats.blur_of`.
    on_pass
        Called after each pass.
    """

    def once(image: Tensor) -> Tensor:
        found = _once(method, image, sigma)
        on_pass()
        return found

    pilot = mean_over_mirrors(once, noisy, passes)
    return pilot.lerp(wiener(first_channel(noisy), pilot, sigma, blur=blur), _WIENER)


def first_channel(image: Tensor) -> Tensor:
    """Return ``(i, j, k)`` of an image with or without channels."""
    return image[0] if image.ndim == _CHANNELS else image


def mean_over_mirrors(function: Callable[[Tensor], Tensor], image: Tensor, passes: int) -> Tensor:
    """Average ``function`` over the first of the eight mirror images of an image.

    Parameters
    ----------
    function
        ``(i, j, k)`` or ``(C, i, j, k)``, as ``image`` is, to ``(i, j, k)``.
    image
        The image, ``(i, j, k)`` or ``(C, i, j, k)``.
    passes
        How many mirror images, 1 to 8; the first is the image itself.

    Examples
    --------
    >>> image = torch.rand(4, 5, 6)
    >>> bool(torch.allclose(mean_over_mirrors(lambda x: 2 * x, image, 8), 2 * image))
    True
    """
    total = torch.zeros_like(first_channel(image))
    for number in range(passes):
        axes = [axis - 3 for axis in range(3) if number >> axis & 1]
        total += function(image.flip(axes)).flip(axes)
    return total / passes


def remaining_noise(
    method: Method,
    noisy: Tensor,
    denoised: Tensor,
    sigma: float,
    *,
    blur: Sequence[float] = (),
    on_pass: OnPass = _ignore,
) -> Tensor:
    """Estimate the standard deviation that noise leaves in the result, voxel by voxel.

    It is the spread of the result over images to which a little more noise was added, by the delta
    method; what the denoiser does wrong alike every time is not in it.

    Parameters
    ----------
    method
        The network that was applied.
    noisy
        The image before, ``(i, j, k)`` or ``(C, i, j, k)``, on the scale of the network.
    denoised
        The result without added noise, ``(i, j, k)``, of a single pass.
    sigma
        Standard deviation of the noise of ``noisy``.
    blur
        Standard deviations, in voxels, of the Gaussian that correlated noise is like; see
        :func:`denoise.noise.repeats.blur_of`.
    on_pass
        Called after each of ``DRAWS`` passes.

    Returns
    -------
    Tensor
        ``(i, j, k)``, on the scale of the network.
    """
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(denoised)
    for _ in range(DRAWS):
        drawn = correlate_noise(torch.randn(denoised.shape, generator=generator), blur)
        moved = noisy.clone()
        first_channel(moved).add_(sigma * _STRENGTH * drawn)
        total += (denoise_array(method, moved, sigma, blur=blur) - denoised).square()
        on_pass()
    return (total / DRAWS).sqrt() / _STRENGTH


def _once(method: Method, image: Tensor, sigma: float) -> Tensor:
    device = next(method.network.parameters()).device

    def run(box: Tensor) -> Tensor:
        with torch.inference_mode(), precision(device, sigma):
            there = to_channels_last(box.to(device))
            return method.objective.denoised(method.network, there, sigma).float().cpu()

    return map_tiles(run, image, reach=method.reach, multiple=method.multiple)
