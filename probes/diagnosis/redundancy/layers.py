"""Features layer by layer: how many directions each uses, and how alike two layers are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from probes.diagnosis.maps import covers
from probes.diagnosis.redundancy.spectrum import FeatureSpectrum, feature_spectrum
from regkit.errors import InputError
from regkit.features import layer_outputs

_MOST = 1000  # images: two layers are compared by tables of images by images
_FEWEST = 4
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True, eq=False)
class LayerSpectra:
    """The layers of an encoder, in its order.

    Parameters
    ----------
    spectra
        Of the features of each layer, by its name.
    correlation
        ``(L, L)``: that of the features of two layers, see :func:`layer_correlation`.
    """

    spectra: dict[str, FeatureSpectrum]
    correlation: NDArray[np.float64]

    @property
    def constant(self) -> list[str]:
        """The layers whose features do not vary between the images."""
        return [name for name, each in self.spectra.items() if not each.rank]


def layer_spectra(encoder: nn.Module, images: Tensor, batch_size: int = 32) -> LayerSpectra:
    """Decompose the features of every layer of an encoder, and compare the layers.

    Layers are the parts of the encoder that have weights, and those of an ``nn.Sequential`` in it:
    the stem and the blocks of a residual network, the embedding and the blocks of a transformer.
    Normalisations are none.

    Parameters
    ----------
    encoder
        Images ``(B, C, *spatial)`` to features.
    images
        ``(N, C, *spatial)``, four at least; of more than a thousand, a thousand at even distances.
    batch_size
        Images that are shown at once.

    Raises
    ------
    InputError
        If there are less than four images.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 2, 1))
    >>> found = layer_spectra(net, torch.rand(9, 3, 4, 4))
    >>> {name: each.rank for name, each in found.spectra.items()}
    {'0': 3, '2': 2}
    """
    if len(images) < _FEWEST:
        raise InputError(
            f"layers are compared by {_FEWEST} images at least; there are {len(images)}"
        )
    features = _encoded(encoder, images[:: -(-len(images) // _MOST)], batch_size)
    spectra = {name: _spectrum(each) for name, each in features.items()}
    return LayerSpectra(spectra, layer_correlation(list(features.values())))


def layer_correlation(features: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Correlate layers with each other by which images are alike in each.

    The centred kernel alignment of linear features by unbiased estimates (Kornblith et al., ICML
    2019; Nguyen, Raghu and Kornblith, ICLR 2021): 1 for the same features, rotated or scaled too,
    and about 0 for unrelated ones, however many there are. Chance makes some of them negative.

    Parameters
    ----------
    features
        ``(N, F)`` of each layer: the same images, four at least, by its own features.

    Returns
    -------
    array
        ``(L, L)``; NaN for a layer whose features do not vary.

    Examples
    --------
    >>> one = np.random.default_rng(0).normal(size=(20, 5))
    >>> layer_correlation([one, -2 * one]).round(6).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    rows = np.stack([_likeness(each) for each in features])
    found: NDArray[np.float64] = rows @ rows.T
    return found


def _likeness(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """How alike two images are each, ``(N * N,)`` of length 1: U-centred (Szekely and Rizzo)."""
    given = np.asarray(features, np.float64)
    centred = given - given.mean(0)
    table = centred @ centred.T
    np.fill_diagonal(table, 0)
    count = len(table)
    sums = table.sum(0) / (count - 2)
    table += sums.sum() / (count - 1) - sums[:, None] - sums
    np.fill_diagonal(table, 0)
    length = np.linalg.norm(table)
    alike: NDArray[np.float64] = table.ravel() / (length if length > 0 else np.nan)
    return alike


def _spectrum(features: NDArray[np.float32]) -> FeatureSpectrum:
    if np.ptp(features, axis=0).any():
        return feature_spectrum(features)
    return FeatureSpectrum(features.shape[1], np.zeros(0), 0, 0.0, float("nan"))


@torch.no_grad()
def _encoded(encoder: nn.Module, images: Tensor, batch_size: int) -> dict[str, NDArray[np.float32]]:
    """Features ``(N, F)`` of every layer that images reach, by its name."""
    encoder.eval()
    names = _reached(encoder, [*_layers(encoder)], images[:1])
    parts = [
        [
            _pooled(each, images.shape[2:])
            for each in layer_outputs(encoder, names, partial(encoder, own))
        ]
        for own in images.float().split(batch_size)
    ]
    found = [torch.cat(each).float().numpy() for each in zip(*parts, strict=True)]
    return dict(zip(names, found, strict=True))


def _layers(module: nn.Module, before: str = "") -> Iterator[str]:
    for name, part in module.named_children():
        if isinstance(part, nn.Sequential) or hasattr(part, "blocks"):  # a stage
            yield from _layers(part, f"{before}{name}.")
        elif not isinstance(part, _NORMS) and any(True for _ in part.parameters()):
            yield f"{before}{name}"


def _reached(encoder: nn.Module, names: list[str], image: Tensor) -> list[str]:
    """Those of the layers that one image ``(1, C, *spatial)`` goes through."""
    try:
        layer_outputs(encoder, names, partial(encoder, image.float()))
    except KeyError as missing:
        rest = [name for name in names if name != missing.args[0]]
        if len(rest) == len(names):
            raise
        return _reached(encoder, rest, image)
    return names


def _pooled(features: Tensor, size: Sequence[int]) -> Tensor:
    """Features ``(B, F)`` of maps, channels first or last, or tokens ``(B, T, F)``: their means."""
    if features.ndim == 3:
        return features.mean(1)
    if features.ndim != len(size) + 2:
        return features
    shape = features.shape
    if covers(size, shape[1:-1]) and not covers(size, shape[2:]):
        features = features.movedim(-1, 1)
    return features.flatten(2).mean(2)
