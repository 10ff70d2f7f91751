"""Bands: which values the bands of a data set take, so that suppressors know no units."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regkit.errors import InputError

_TAILS = (0.01, 0.99)
_ROUNDING = 1e-5  # of a span, which images that are brought to a size may be beyond it
_MOST = 4_000_000  # values of a band from which its tails are read


@dataclass(frozen=True, eq=False)
class Bands:
    """Statistics of each band over a whole data set.

    Parameters
    ----------
    low, high
        ``(C,)``: the 1st and the 99th percentile, or what was given, in units of the images.
    mean, std
        ``(C,)``, in the same units.
    loadings
        ``(C,)``: weights of standardised bands whose sum is their first principal component, with
        unit variance over the data and of the sign of the mean band.
    """

    low: Tensor
    high: Tensor
    mean: Tensor
    std: Tensor
    loadings: Tensor

    @classmethod
    def of(
        cls,
        images: Tensor,
        valid: Tensor | None = None,
        *,
        span: tuple[float, float] | None = None,
    ) -> Bands:
        """Measure the bands of images.

        Parameters
        ----------
        images
            ``(B, C, *spatial)``.
        valid
            ``(B, 1, *spatial)``: where they have data; everywhere if None.
        span
            The least and the largest value that every band can have; percentiles if None.

        Raises
        ------
        InputError
            If a band is constant, is not finite, or has no data.

        Examples
        --------
        >>> Bands.of(torch.arange(6.0).reshape(1, 2, 3)).mean.tolist()
        [1.0, 4.0]
        """
        values = images.double().movedim(1, 0).flatten(1)
        if valid is not None:
            values = values[:, valid.movedim(1, 0).flatten()]
        for number, band in enumerate(values, start=1):
            _check(band, number)
        some = values[:, :: max(1, values.shape[1] // _MOST)]
        low, high = _tails(some) if span is None else _given(span, values)
        mean, std = values.mean(1), values.std(1, unbiased=False)
        scores = (values - mean[:, None]) / std[:, None]
        found = (each.float() for each in (low, high, mean, std, _loadings(scores)))
        return cls(*found)

    @property
    def count(self) -> int:
        """How many bands there are."""
        return len(self.mean)

    @property
    def span(self) -> Tensor:
        """``(C,)``: from :attr:`low` to :attr:`high`."""
        return self.high - self.low

    def along(self, values: Tensor, images: Tensor) -> Tensor:
        """Shape one value a band, ``(C,)``, so that it meets ``images``, ``(B, C, *spatial)``."""
        return values.to(images).reshape(1, -1, *[1] * (images.ndim - 2))

    def standardised(self, images: Tensor) -> Tensor:
        """Give every band of ``images``, ``(B, C, *spatial)``, zero mean and unit spread."""
        return (images - self.along(self.mean, images)) / self.along(self.std, images)

    def restored(self, scores: Tensor) -> Tensor:
        """Undo :meth:`standardised`; one channel becomes every band."""
        return scores * self.along(self.std, scores) + self.along(self.mean, scores)


def _check(band: Tensor, number: int) -> None:
    if not len(band):
        raise InputError(f"band {number} has no data anywhere; leave out what has none")
    if not bool(band.isfinite().all()):
        raise InputError(f"band {number} has values that are not finite; mark them by missing: nan")
    if float(band.std(unbiased=False)) == 0:
        raise InputError(
            f"band {number} is {float(band[0]):g} everywhere; a constant band has no cue to "
            "suppress: leave it out"
        )


def _tails(values: Tensor) -> tuple[Tensor, Tensor]:
    """The tails of each band; all that it takes where the tails are one value (a sparse band)."""
    ordered = values.sort(dim=1).values
    low, high = (ordered[:, round(q * (values.shape[1] - 1))] for q in _TAILS)
    flat = low == high
    return torch.where(flat, ordered[:, 0], low), torch.where(flat, ordered[:, -1], high)


def _given(span: tuple[float, float], values: Tensor) -> tuple[Tensor, Tensor]:
    """The same for every band; values beyond it show that the images are in other units."""
    least, most = float(values.min()), float(values.max())
    slack = _ROUNDING * (span[1] - span[0])
    if least < span[0] - slack or most > span[1] + slack:
        raise InputError(
            f"span is {span[0]:g} to {span[1]:g}, but the images go from {least:g} to {most:g}; "
            "give the span of their type, or leave it out"
        )
    low, high = (values.new_full((len(values),), value) for value in span)
    return low, high


def _loadings(scores: Tensor) -> Tensor:
    """Of the first principal component of standardised bands ``(C, N)``."""
    covariance = scores @ scores.T / scores.shape[1]
    values, vectors = torch.linalg.eigh(covariance)
    first: Tensor = vectors[:, -1] / values[-1].clamp_min(1e-12).sqrt()
    return first if float(first.sum()) >= 0 else -first
