"""Compare two images by the features that a network makes of them.

"Guiding Registration with Emergent Similarity from Pre-Trained Diffusion Models" (DGIR, MICCAI
2025) warps moving, takes the features of warped and of fixed, and compares them by local
correlation. What one image has and the other has not (a skull, a limb, another field of view) is
then matched with less zeal than by intensities.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from regkit.features.cache import FeatureCache, extract
from regkit.features.extractor import Extractor
from regkit.losses.distances import DistanceName, distance_of
from regkit.losses.registry import FEATURES
from regkit.losses.similarity import Similarity
from regkit.losses.traits import Traits

NoiseMode = Literal["shared", "independent", "none"]
Axes = Literal["random", "all", 0, 1, 2]
TRAITS = Traits(
    citation="Features as similarity: Guiding Registration with Emergent Similarity from "
    "Pre-Trained Diffusion Models. MICCAI 2025. arXiv:2506.02419"
)
"""Of whatever backbone, which need not be opened to know them."""


@dataclass(frozen=True)
class SliceView:
    """Slices of both images along one axis, and the share of the loss that each of them has."""

    axis: int | None
    index: Tensor
    share: Tensor

    def of(self, image: Tensor) -> Tensor:
        """Cut slices ``(N, 1, *slice)`` from ``(1, *spatial)``; a whole volume counts as one."""
        if self.axis is None:
            return image[None]
        return image.movedim(self.axis + 1, 0)[self.index.to(image.device)]


@dataclass(frozen=True)
class FeatureSimilarity(Similarity):
    """The distance between the features of fixed and those of the warped image.

    Parameters
    ----------
    extractor
        Of what; frozen, and moved to where the images are.
    distance
        ``lncc`` as in DGIR, ``cosine``, ``l1``, ``l2`` or ``ncc``; or ``lncc2``, which squares the
        correlation: places that do not correlate then pull at nothing.
    sigma
        Of LNCC's windows, in pixels of the feature map.
    slices
        Of a volume, how many a step for an extractor of slices, drawn anew; None: all.
    axes
        Along which axis the slices lie: a ``random`` one a step, ``all`` in turn, or 0, 1, 2.
    layer_weights
        One a layer; equal if not given.
    noise
        One draw a step for both images (``shared``), one for each (``independent``, as DGIR), or
        ``none``. All slices of an image get the same.
    chunk
        Slices that are in the network at a time: memory.
    generator
        For noise, axes and slices.
    cache
        Where :meth:`precompute` keeps the features of images that it saw without noise.

    Examples
    --------
    >>> from regkit.losses.mind import MIND
    >>> class Edges:
    ...     name, ndim, settings = "edges", 2, {}
    ...     draw = lambda self, images, generator: None
    ...     to = lambda self, device: self
    ...     def __call__(self, images, noise):
    ...         return [torch.cat(torch.gradient(images, dim=(2, 3)), 1)]
    >>> image = torch.rand(1, 9, 9, generator=torch.Generator().manual_seed(0))
    >>> bool(FeatureSimilarity(Edges(), sigma=1)(image, image) < 0.01)
    True
    """

    extractor: Extractor
    distance: DistanceName = "lncc"
    sigma: float = 4.0
    slices: int | None = None
    axes: Axes = "random"
    layer_weights: tuple[float, ...] | None = None
    noise: NoiseMode = "shared"
    chunk: int = 16
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))
    cache: FeatureCache | None = None
    traits = TRAITS

    @property
    def name(self) -> str:
        """``features:`` and the name of the extractor."""
        return f"{FEATURES}{self.extractor.name}"

    def is_stochastic(self, shape: Sequence[int]) -> bool:
        """Say whether noise, axes or slices are drawn for images ``(1, *shape)``."""
        if self.noise != "none":
            return True
        if self.extractor.ndim == 3 or len(shape) == 2 or 1 in shape:
            return False
        return self.axes == "random" or (self.slices or max(shape)) < max(shape)

    def seed(self, seed: int) -> None:
        """Seed the generator of noise, axes and slices."""
        self.generator.manual_seed(seed)

    @contextmanager
    def fixed_seed(self, seed: int) -> Iterator[None]:
        """Draw noise, axes and slices from ``seed`` inside a ``with`` block."""
        state = self.generator.get_state()
        self.generator.manual_seed(seed)
        try:
            yield
        finally:
            self.generator.set_state(state)

    def compare(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Compare two images of one channel; the way back needs one chunk at a time in memory."""
        total = warped.new_zeros(())
        for f, w, m, share, noises in self._batches(fixed, warped, weight):
            total = total + checkpoint(self._part, f, w, m, share, noises, use_reentrant=False)
        return total

    def value_and_gradient(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> tuple[float, Tensor]:
        """Return the loss and its gradient, each chunk forward and backward before the next."""
        with torch.enable_grad():
            leaf = warped.detach().requires_grad_()
            gradient, value = torch.zeros_like(leaf), 0.0
            for f, w, m, share, noises in self._batches(fixed, leaf, weight):
                part = self._part(f, w, m, share, noises)
                value += float(part.detach())
                gradient += torch.autograd.grad(part, leaf)[0]
        return value, gradient

    @torch.no_grad()
    def value(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> float:
        """Return the loss alone, which takes half as long."""
        return float(self.compare(fixed, warped, weight))

    @torch.no_grad()
    def precompute(self, image: Tensor, axis: int = 0) -> list[Tensor]:
        """Compute the features of an image ``(1, *spatial)``, one ``(N, C, *smaller)`` a layer.

        Of slices along ``axis`` if the extractor takes slices; for engines that warp features.
        """
        flat = image.ndim == 3 or self.extractor.ndim == 3
        slices = image[None] if flat else image.movedim(axis + 1, 0)
        if self.cache is not None and self.noise == "none":
            return self.cache(self.extractor, slices, chunk=self.chunk)
        self.extractor.to(image.device)
        return extract(self.extractor, slices, self._noise(slices), chunk=self.chunk)

    def _batches(
        self, fixed: Tensor, warped: Tensor, weight: Tensor
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, tuple[Tensor | None, Tensor | None]]]:
        """Yield, chunk by chunk, fixed, warped, weight, shares, and the noise of both images."""
        self.extractor.to(warped.device)
        drawn: dict[int | None, tuple[Tensor | None, Tensor | None]] = {}
        for view in self._views(weight):
            f = view.of(fixed)
            if view.axis not in drawn:  # one draw an axis, so that chunks do not change the value
                first = self._noise(f)
                drawn[view.axis] = first, self._noise(f) if self.noise == "independent" else first
            yield (
                f,
                view.of(warped),
                view.of(weight[None]),
                view.share.to(warped),
                drawn[view.axis],
            )

    def _part(
        self,
        fixed: Tensor,
        warped: Tensor,
        weight: Tensor,
        share: Tensor,
        noises: tuple[Tensor | None, Tensor | None],
    ) -> Tensor:
        pairs = zip(
            self.extractor(fixed, noises[0]), self.extractor(warped, noises[1]), strict=True
        )
        layers = [self._distance(a, b, weight) for a, b in pairs]
        weights = self.layer_weights or (1.0,) * len(layers)
        mixed = sum(w * each for w, each in zip(weights, layers, strict=True))
        return (share * mixed).sum() / sum(weights)

    def _distance(self, fixed: Tensor, warped: Tensor, weight: Tensor) -> Tensor:
        """Return the distance of one layer's maps, one value a slice."""
        pooled = _pooled(weight, fixed.shape[2:])
        apart = distance_of(self.distance, self.sigma)(fixed, warped, pooled)
        axes = tuple(range(1, apart.ndim))
        return (pooled * apart).sum(axes) / pooled.sum(axes).clamp(min=1e-6)

    def _noise(self, images: Tensor) -> Tensor | None:
        return None if self.noise == "none" else self.extractor.draw(images, self.generator)

    def _views(self, weight: Tensor) -> Iterator[SliceView]:
        if self.extractor.ndim == 3 or weight.ndim == 2:
            yield SliceView(None, torch.zeros(1, dtype=torch.long), torch.ones(1))
            return
        axes = self._axes(weight)
        for axis in axes:
            yield from self._slices(weight, axis, len(axes))

    def _axes(self, weight: Tensor) -> list[int]:
        if 1 in weight.shape:
            return [list(weight.shape).index(1)]
        if self.axes == "all":
            return [0, 1, 2]
        if self.axes == "random":
            return [int(torch.randint(3, (), generator=self.generator))]
        return [self.axes]

    def _slices(self, weight: Tensor, axis: int, parts: int) -> Iterator[SliceView]:
        """Yield the slices that have weight."""
        amount = weight.detach().movedim(axis, 0).flatten(1).sum(1).cpu()
        index = torch.nonzero(amount > 0).flatten()
        if self.slices is not None and self.slices < len(index):
            drawn = torch.randperm(len(index), generator=self.generator)[: self.slices]
            index = index[drawn].sort().values
        total = amount[index].sum().clamp(min=1e-6) * parts
        for some in torch.split(index, self.chunk):
            yield SliceView(axis, some, amount[some] / total)


def _pooled(weight: Tensor, shape: torch.Size) -> Tensor:
    pool: Any = (
        functional.adaptive_avg_pool3d if len(shape) == 3 else functional.adaptive_avg_pool2d
    )
    out: Tensor = pool(weight, tuple(shape))
    return out
