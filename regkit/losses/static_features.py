"""Compute features once for each image, and warp them from then on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from regkit.losses.distances import distance_of
from regkit.losses.features import FeatureSimilarity
from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits


@dataclass(frozen=True)
class StaticFeatures(Similarity):
    """The distance of warped features: many times quicker than :class:`FeatureSimilarity`.

    Wrong for features of large receptive fields under large deformations (IMPACT, Boussot et
    al., arXiv 2503.24121). Slices lie along the first axis on which a volume has several, or
    along ``source.axes``. Maps are enlarged to the grid of the image; where all layers together
    have more than ``channels``, a fixed random projection (Johnson and Lindenstrauss) keeps their
    distances in so many.
    """

    source: FeatureSimilarity
    channels: int = 16
    oriented = True

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name

    @property
    def traits(self) -> Traits:
        """The traits of the source."""
        return self.source.traits

    def features(self, image: Tensor) -> Tensor:
        """Compute the features ``(C, *spatial)`` of an image ``(1, *spatial)``."""
        axis: int = self.source.axes if isinstance(self.source.axes, int) else 0
        if image.ndim == 4 and 1 in image.shape[1:]:
            axis = list(image.shape[1:]).index(1)
        maps = self.source.precompute(image, axis)
        weights = self.source.layer_weights or (1.0,) * len(maps)
        layers = [
            w**0.5 * _on_grid(_scaled(m), image, axis) for w, m in zip(weights, maps, strict=True)
        ]
        return _projected(torch.cat(layers), self.channels)

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Compare all channels by the distance of the source."""
        apart = distance_of(self.source.distance, self.source.sigma)(
            fixed[None], warped[None], weight[None, None]
        )
        return (weight * apart[0, 0]).sum() / weight.sum().clamp(min=1e-6)


def _scaled(maps: Tensor) -> Tensor:
    """Scale the maps of a layer so that layers of different width and scale count alike."""
    return maps / (maps.square().sum(1).mean().sqrt() + 1e-6)


def _projected(maps: Tensor, channels: int) -> Tensor:
    """Project ``(C, ...)`` to at most ``channels``, in the same way for every image."""
    wide = len(maps)
    if wide <= channels:
        return maps
    generator = torch.Generator().manual_seed(wide)
    matrix = torch.linalg.qr(torch.randn(wide, channels, generator=generator))[0].to(maps)
    return torch.einsum("c...,ck->k...", maps, matrix)


def _on_grid(maps: Tensor, image: Tensor, axis: int) -> Tensor:
    if image.ndim - 1 == maps.ndim - 2:  # a plain 2-D image, or an extractor of volumes
        mode = "bilinear" if image.ndim == 3 else "trilinear"
        return functional.interpolate(maps, tuple(image.shape[1:]), mode=mode)[0]
    shape = tuple(n for a, n in enumerate(image.shape[1:]) if a != axis)
    return functional.interpolate(maps, shape, mode="bilinear").movedim(0, axis + 1).contiguous()
