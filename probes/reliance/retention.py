"""Retention: how much of each cue is left in images after a suppressor, measured on the images.

The first calibration of suppressors of texture was that of the reference (local variance, energy of
high frequencies, correlation of gradients). Here every cue has a measure, for any number of bands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi

import torch
from torch import Tensor

from probes.images.batch import Batch
from probes.reliance.filters import window_sum
from probes.reliance.suppressor import Cue, Suppressor

_WINDOW, _CYCLES, _SIDE = 11, 11, 224  # of the reference, at 224 pixels
_FAR = 4  # pairs of voxels that make an arrangement: this part of the shorter side
_EDGES = 0.1  # the strongest tenth of gradients counts as edges


@dataclass(frozen=True)
class Retention:
    """What is left of each cue: 1 where nothing was removed, 0 where nothing is left.

    Parameters
    ----------
    local_variance, high_frequency
        Texture: variance within small windows, and the share of energy in high frequencies, of what
        they were. More than 1 where detail was added.
    gradient_correlation, edge_agreement
        Shape: correlation of gradients with those before in the same place, and F1 of the strongest
        edges to within a voxel.
    arrangement
        Shape: the share of voxels a quarter of the shorter side apart that are as far apart as
        before, times the correlation of gradients with those of the voxels where they came from.
    chroma, spectral_angle
        Colour: how much of what bands say beyond their common brightness is still said by the
        voxels that came from there, and the mean angle in radians between the spectra of a pixel
        before and after. None for images of one band.
    band_correlation
        The mean absolute correlation of two bands after, whatever it was before: 1 where all bands
        say the same. None for images of one band.
    value_agreement
        Intensity: the squared correlation of values with those of the voxels where they came from,
        over all images.
    """

    local_variance: float
    high_frequency: float
    gradient_correlation: float
    edge_agreement: float
    arrangement: float
    chroma: float | None
    spectral_angle: float | None
    value_agreement: float
    band_correlation: float | None

    @property
    def texture(self) -> float:
        """The mean of both measures of texture."""
        return (self.local_variance + self.high_frequency) / 2

    def of(self, cue: Cue) -> float | None:
        """Return the one measure by which levels of a cue are matched; None where it has none."""
        return {
            "shape": self.arrangement,
            "texture": self.texture,
            "colour": self.chroma,
            "intensity": self.value_agreement,
            "seams": None,
        }[cue]


def retention(suppressor: Suppressor, batch: Batch, strength: float, seed: int = 0) -> Retention:
    """Apply a suppressor, and compare what it returns with what it was given.

    Parameters
    ----------
    suppressor
        Any.
    batch
        Images.
    strength
        In the unit of the suppressor.
    seed
        Of its draws.

    Returns
    -------
    Retention
        Means over images.

    Raises
    ------
    InputError
        If the images do not suit the suppressor.
    """
    generator = torch.Generator().manual_seed(seed)
    before = replace(batch, labels=_places(batch))
    after = suppressor(before, strength, generator)
    places = _places(batch) if after.labels is None else after.labels
    old, new = _standardised(before), _standardised(after)
    both = _both(before, after)
    gray, changed = old.mean(1, keepdim=True), new.mean(1, keepdim=True)
    many = before.bands.count > 1
    return Retention(
        local_variance=_ratio(_local_variance(old, before), _local_variance(new, after)),
        high_frequency=_ratio(_high_share(gray), _high_share(changed)),
        gradient_correlation=_gradient_correlation(gray, changed, both),
        edge_agreement=_edge_agreement(gray, changed, both),
        arrangement=_neighbours(places)
        * _gradient_correlation(_carried(gray, places), changed, _both(after, after)),
        chroma=_chroma(_carried(old, places), new, _both(after, after)) if many else None,
        spectral_angle=_angle(before, after, both) if many else None,
        value_agreement=_correlation(
            *(_known(each, _both(after, after)) for each in (_carried(old, places), new))
        )
        ** 2,
        band_correlation=_between_bands(_known(new, _both(after, after))) if many else None,
    )


def _between_bands(values: Tensor) -> float:
    """The mean absolute correlation of two bands ``(C, N)``; constant ones have none."""
    apart = values.double() - values.double().mean(1, keepdim=True)
    scaled = apart / apart.norm(dim=1, keepdim=True).clamp_min(1e-12)
    alike = (scaled @ scaled.T).abs()
    return float((alike.sum() - alike.trace()) / (len(alike) * (len(alike) - 1)))


def _places(batch: Batch) -> Tensor:
    """The number of every voxel within its image, which moves with it."""
    size = batch.images[:1, :1].numel()
    places = torch.arange(size).reshape(1, 1, *batch.shape)
    return places.expand(len(batch.images), *places.shape[1:])


def _carried(images: Tensor, places: Tensor) -> Tensor:
    """What images ``(B, C, *spatial)`` hold where every voxel came from."""
    wanted = places.flatten(2).expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, wanted).reshape(images.shape)


def _neighbours(places: Tensor) -> float:
    """The share of pairs of voxels that are as far apart as where they came from."""
    shape = places.shape[2:]
    apart = max(1, round(min(shape) / _FAR))
    came = torch.stack(torch.unravel_index(places[:, 0], shape))
    kept = [
        (came.narrow(axis, 0, n) - came.narrow(axis, apart, n)).square().sum(0) == apart**2
        for axis, n in ((a + 2, size - apart) for a, size in enumerate(shape))
    ]
    return float(torch.cat([each.flatten() for each in kept]).float().mean())


def _standardised(batch: Batch) -> Tensor:
    """Standardised bands, zero where there are no data."""
    scores = batch.bands.standardised(batch.images)
    return scores if batch.valid is None else scores.where(batch.valid, torch.zeros(()))


def _both(before: Batch, after: Batch) -> Tensor:
    everywhere = torch.ones_like(before.images[:, :1], dtype=torch.bool)
    for each in (before.valid, after.valid):
        everywhere = everywhere if each is None else everywhere & each
    return everywhere


def _ratio(old: Tensor, new: Tensor) -> float:
    """The mean over images of new to old; images that had nothing say nothing."""
    had = old > 1e-12
    return float((new[had] / old[had]).mean()) if bool(had.any()) else float("nan")


def _local_variance(scores: Tensor, batch: Batch) -> Tensor:
    radius = max(1, round(_WINDOW / 2 * min(batch.shape) / _SIDE))
    known = torch.ones_like(scores[:, :1]) if batch.valid is None else batch.valid.to(scores)
    count = window_sum(known, radius).clamp_min(1)
    mean = window_sum(scores, radius) / count
    variance = (window_sum(scores**2, radius) / count - mean**2).clamp_min(0) * known
    axes = tuple(range(1, scores.ndim))
    return variance.sum(axes) / (known.sum(axes).clamp_min(1) * scores.shape[1])


def _high_share(gray: Tensor) -> Tensor:
    axes = tuple(range(2, gray.ndim))
    shape = gray.shape[2:]
    energy = torch.fft.fftn(gray - gray.mean(axes, keepdim=True), dim=axes).abs() ** 2
    cycles = [torch.fft.fftfreq(n) * n for n in shape]
    distance = torch.stack(torch.meshgrid(*cycles, indexing="ij")).square().sum(0)
    high = distance > min(_CYCLES, min(shape) / 4) ** 2
    share: Tensor = (energy * high).sum(axes) / energy.sum(axes).clamp_min(1e-12)
    return share.flatten()


def _gradients(gray: Tensor) -> Tensor:
    axes = tuple(range(2, gray.ndim))
    return torch.cat(torch.gradient(gray, dim=axes), dim=1)


def _gradient_correlation(old: Tensor, new: Tensor, both: Tensor) -> float:
    pairs = zip(_gradients(old), _gradients(new), both, strict=True)
    found = [_correlation(_known(a[None], w[None]), _known(b[None], w[None])) for a, b, w in pairs]
    return sum(found) / len(found)


def _edge_agreement(old: Tensor, new: Tensor, both: Tensor) -> float:
    first, second = (_edges(each) & both for each in (old, new))
    agree = [_hits(a, b) for a, b in ((first, second), (second, first))]
    axes = tuple(range(1, first.ndim))
    shares = [hit.sum(axes) / each.sum(axes).clamp_min(1) for hit, each in zip(
        agree, (first, second), strict=True
    )]  # fmt: skip
    return float((2 * shares[0] * shares[1] / (shares[0] + shares[1]).clamp_min(1e-12)).mean())


def _edges(gray: Tensor) -> Tensor:
    strength = _gradients(gray).square().sum(1, keepdim=True)
    least = strength.flatten(1).quantile(1 - _EDGES, dim=1)
    return strength > least.reshape(-1, *[1] * (gray.ndim - 1))


def _hits(edges: Tensor, others: Tensor) -> Tensor:
    return edges & (window_sum(others.float(), 1) > 0.5)


def _chroma(old: Tensor, new: Tensor, both: Tensor) -> float:
    """The slope of what bands say by themselves after, on what they said before."""
    before, after = (
        _known(each - each.mean(1, keepdim=True), both).flatten() for each in (old, new)
    )
    return float((before * after).sum() / before.square().sum().clamp_min(1e-12))


def _angle(before: Batch, after: Batch, both: Tensor) -> float:
    old, new = (
        _known((b.images - b.bands.along(b.bands.low, b.images))
               / b.bands.along(b.bands.span, b.images), both)
        for b in (before, after)
    )  # fmt: skip
    cosine = torch.nn.functional.cosine_similarity(old, new, dim=0)
    return float(cosine.clamp(-1, 1).acos().mean()) % pi


def _known(values: Tensor, where: Tensor) -> Tensor:
    """Values ``(C, N)`` of the voxels that count."""
    return values.movedim(1, 0)[:, where[:, 0]]


def _correlation(old: Tensor, new: Tensor) -> float:
    old, new = (each.double().flatten() - each.double().mean() for each in (old, new))
    norm = float(old.norm() * new.norm())
    return float(old @ new) / norm if norm > 0 else 0.0
