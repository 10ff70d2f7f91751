"""Clean patches: what a network learns from before it meets an image of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoise.learning.recorruption import Recorruption
from regkit.kernels.smoothing import gaussian

_LOW, _HIGH = 0.01, 0.995
# A patch is drawn again, so often, where less than this share of it is brighter than that.
_TRIES, _SHARE, _BRIGHT = 20, 0.3, 0.1
_KNOTS = 6
# Voxels of the coarsest and finest made-up regions, and how many there may be.
_COARSE, _REGIONS = (3, 12), (4, 24)
# Of a coarser voxel: the Gaussian that goes before it is drawn.
_ANTIALIAS = 0.35


@dataclass(frozen=True, eq=False)
class CleanPatches:
    """Boxes of images without noise, at other resolutions and contrasts, and made-up ones.

    Parameters
    ----------
    images
        ``(i, j, k)`` each, two voxels or more along every axis, of intensities from 0 to about 1.
    size
        Voxels of a patch along every axis.
    zoom
        The smallest and the largest voxel, in those of the image.
    thick
        Share of patches whose slices are two to four voxels thick.
    remapped, regions
        Shares of patches with a made-up contrast, and of those of made-up regions alone.

    Examples
    --------
    >>> ramp = torch.linspace(0, 1, 64).expand(64, 64, 64)
    >>> drawn = CleanPatches([ramp], size=24).draw(torch.Generator().manual_seed(0))
    >>> drawn.shape, bool(drawn.isfinite().all())
    (torch.Size([1, 1, 24, 24, 24]), True)
    """

    images: Sequence[Tensor]
    size: int = 48
    zoom: tuple[float, float] = (0.8, 1.6)
    thick: float = 0.25
    remapped: float = 0.7
    regions: float = 0.15

    def draw(self, generator: torch.Generator) -> Tensor:
        """``(1, 1, size, size, size)``, of which the middle 98 % lie about between 0 and 1."""
        if not self.images or _uniform(generator) < self.regions:
            return _scaled(_made_up(self.size, generator))
        image = self.images[int(_uniform(generator) * len(self.images))]
        box = _scaled(_turned(self._cut(image, generator), generator))
        if _uniform(generator) < self.remapped:
            box = _scaled(_remapped(box, generator))
        return box * _shading(self.size, generator)

    def _cut(self, image: Tensor, generator: torch.Generator) -> Tensor:
        low, high = self.zoom
        step = [low * (high / low) ** _uniform(generator)] * 3
        if _uniform(generator) < self.thick:
            step[2] *= 2 + 2 * _uniform(generator)
        spans = [min(n - 1.0, s * self.size) for s, n in zip(step, image.shape, strict=True)]
        part = _somewhere(image, spans, generator)
        widths = [_ANTIALIAS * max(0.0, span / self.size - 1) for span in spans]
        return _resized(gaussian(part, widths)[None], self.size)


def supervised_loss(
    network: nn.Module,
    clean: Tensor,
    sigma: float,
    objective: Recorruption,
    generator: torch.Generator,
) -> Tensor:
    """Mean squared error of what is found under added white noise, over sigma².

    Parameters
    ----------
    network
        What is trained.
    clean
        ``(N, 1, *spatial)``.
    sigma
        Standard deviation of the noise.
    objective
        What the output of the network means.
    generator
        Draws the noise.
    """
    noise = torch.randn(clean.shape, generator=generator).to(clean)
    found = objective.denoised(network, clean + sigma * noise, sigma)
    return functional.mse_loss(found, clean) / sigma**2


def _somewhere(image: Tensor, spans: Sequence[float], generator: torch.Generator) -> Tensor:
    """Cut ``(1, *spatial)`` where the object is, if it is found."""
    for _ in range(_TRIES):
        room = [n - 1 - span for n, span in zip(image.shape, spans, strict=True)]
        starts = [_uniform(generator) * free for free in room]
        i, j, k = (slice(int(a), int(a + s) + 2) for a, s in zip(starts, spans, strict=True))
        part = image[i, j, k]
        if float((part > _BRIGHT).float().mean()) > _SHARE:
            break
    return part[None].float()


def _remapped(box: Tensor, generator: torch.Generator) -> Tensor:
    """Another contrast: a random smooth curve of the intensities, every second one monotone."""
    knots = torch.rand(_KNOTS, generator=generator)
    if _uniform(generator) < 0.5:
        knots = knots.sort().values
    if _uniform(generator) < 0.5:
        knots[0] = 0.0
    at = box.clamp(0, 1) * (_KNOTS - 1)
    below = at.floor().clamp(max=_KNOTS - 2)
    share = at - below
    return knots[below.long()].lerp(knots[below.long() + 1], share * share * (3 - 2 * share))


def _made_up(size: int, generator: torch.Generator) -> Tensor:
    """Smooth random regions, each of one random intensity."""
    coarse = _between(_COARSE, generator)
    best = torch.full((1, 1, size, size, size), -torch.inf)
    out = torch.zeros_like(best)
    for _ in range(_between(_REGIONS, generator)):
        field = _resized(torch.randn(1, 1, coarse, coarse, coarse, generator=generator), size)
        out = torch.where(field > best, _uniform(generator), out)
        best = torch.maximum(best, field)
    return gaussian(out[0], [0.6 * _uniform(generator) for _ in range(3)])[None]


def _shading(size: int, generator: torch.Generator) -> Tensor:
    return _resized(0.15 * torch.randn(1, 1, 3, 3, 3, generator=generator), size).exp()


def _scaled(box: Tensor) -> Tensor:
    few = box.flatten()[::7]
    low, high = (float(v) for v in torch.quantile(few, torch.tensor([_LOW, _HIGH])))
    return (box - low) / max(high - low, 0.05)


def _turned(box: Tensor, generator: torch.Generator) -> Tensor:
    axes = [axis for axis in (2, 3, 4) if _uniform(generator) < 0.5]
    out = box.flip(axes) if axes else box
    return out.transpose(2, 3) if _uniform(generator) < 0.5 else out


def _resized(box: Tensor, size: int) -> Tensor:
    return functional.interpolate(box, (size,) * 3, mode="trilinear", align_corners=True)


def _between(limits: tuple[int, int], generator: torch.Generator) -> int:
    return int(torch.randint(*limits, (1,), generator=generator))


def _uniform(generator: torch.Generator) -> float:
    return float(torch.rand(1, generator=generator))
