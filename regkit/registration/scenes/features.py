"""What of a scene is compared: its values where sensors see alike, else the course of its edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from regkit.registration.scenes.windows import Array

_LEAST_POWER = 1e-6  # of SAR: below lies no signal, whose logarithm would be without bound
_EDGE, _POOL = 1.5, 1.0  # pixels: smoothing before and after the derivatives
_AROUND = 8.0  # pixels over which edges are made equally strong


def decibel(values: Array, bright: float) -> Array:
    """Turn powers or amplitudes of SAR into decibels, where speckle is added, not multiplied.

    ``bright`` is a value that few pixels of the scene pass; far below it lies no signal.
    """
    floor = max(bright * _LEAST_POWER, float(np.finfo(np.float32).tiny))
    found: Array = 10 * np.log10(np.maximum(values, np.float32(floor)))
    return found.astype(np.float32)


def standardise(values: Array, known: Array) -> Array:
    """Bring every channel ``(C, *shape)`` to mean 0 and variance 1 where ``known`` is above 0."""
    inside = known > 0
    whole, some = bool(inside.all()), bool(inside.any())
    out = np.empty_like(values, dtype=np.float32)
    for each, centred in zip(values, out, strict=True):
        seen = each if whole else each[inside]
        np.subtract(each, seen.mean(dtype=np.float64) if some else 0.0, out=centred)
        rest = centred if whole else centred[inside]
        spread = float(np.sqrt(np.square(rest).mean(dtype=np.float64))) if some else 1.0
        centred /= max(spread, 1e-12)
    return out


def edges(values: Array) -> Array:
    """Describe how strong edges are and how they run, whichever of their sides is the bright one.

    Of the gradient ``g``, taken as a complex number, the channels are the real and imaginary part
    of ``g**2 / |g|`` and ``|g|``, pooled and divided by the strength around: the doubled angle
    does not know the sign of a contrast. It is a compact form of the channels of orientated
    gradients of Ye et al., IEEE TGRS 2019, which describe optical and SAR images alike.

    Parameters
    ----------
    values
        ``(C, *shape)``; every channel is described by itself.

    Returns
    -------
    Array
        ``(3 C, *shape)`` float32.
    """
    return np.concatenate([_edges(each) for each in values])


def _edges(values: Array) -> Array:
    down, across = np.gradient(gaussian_filter(values.astype(np.float32), _EDGE))
    gradient = across + 1j * down
    strength = np.abs(gradient)
    doubled = gradient**2 / (strength + 1e-12)
    parts = [gaussian_filter(part, _POOL) for part in (doubled.real, doubled.imag, strength)]
    around = gaussian_filter(strength, _AROUND)
    level = around + 0.1 * np.median(around) + 1e-12
    return np.stack([part / level for part in parts]).astype(np.float32)


def _described_by_edges(values: Array, known: Array) -> Array:
    return edges(standardise(values, known))


@dataclass(frozen=True)
class WindowSimilarity:
    """A way to compare windows of two scenes.

    Parameters
    ----------
    name
        As settings and reports have it.
    describe
        Makes what is compared of values ``(C, *shape)`` and of where they are data ``(*shape)``.
    window
        Pixels of a window that holds enough for a match.
    context
        Pixels around a window that have an effect on it.
    rim
        Pixels beside a gap whose description is that of the gap.
    """

    name: str
    describe: Callable[[Array, Array], Array]
    window: int
    context: int
    rim: int = 0


VALUES = WindowSimilarity("lncc", standardise, 48, 8)
EDGES = WindowSimilarity("edges", _described_by_edges, 96, 44, rim=3)


def similarity_called(name: str) -> WindowSimilarity:
    """Return the similarity of a name, ``lncc`` or ``edges``."""
    return next(each for each in (VALUES, EDGES) if each.name == name)
