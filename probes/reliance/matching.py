"""Matching: the strength at which a suppressor leaves nearest to a given share of its own cue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from probes.images.batch import Batch
from probes.reliance.retention import retention
from probes.reliance.suppressor import Suppressor
from regkit.errors import InputError

_STEPS, _HALVINGS = 7, 5
_SMALL = 512  # voxels of a side


@dataclass(frozen=True)
class MatchedLevel:
    """A strength and what it leaves.

    Parameters
    ----------
    suppressor
        Its name.
    strength
        In the unit of the suppressor.
    retained
        The share of its own cue that is left there.
    target
        The share that was asked for.
    """

    suppressor: str
    strength: float
    retained: float
    target: float


def match_level(suppressor: Suppressor, batch: Batch, target: float, seed: int = 0) -> MatchedLevel:
    """Find the strength that leaves nearest to ``target`` of the cue of a suppressor.

    Parameters
    ----------
    suppressor
        One that has a cue of its own; no control.
    batch
        Some of the user's images.
    target
        From 0 to 1.
    seed
        Of every draw, so that strengths are compared by the same draws.

    Returns
    -------
    MatchedLevel
        With what it leaves, which may be far from the target: patches are whole, and some
        suppressors never take so much.

    Raises
    ------
    InputError
        If ``target`` is not between 0 and 1, or the suppressor is a control.

    Examples
    --------
    >>> import torch
    >>> from probes.images.bands import Bands
    >>> from probes.reliance.suppressor import suppressor_called
    >>> images = torch.rand(4, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> found = match_level(suppressor_called("grayscale"), Batch(images, Bands.of(images)), 0.5)
    >>> round(found.strength, 1)
    0.5
    """
    if not 0 < target < 1:
        raise InputError(f"target {target:g} is not allowed; give a share between 0 and 1")

    def left(strength: float) -> float:
        found = retention(suppressor, batch, strength, seed).of(suppressor.cue)
        if found is None:
            raise InputError(f"{suppressor.name} removes no cue of these images; name another one")
        return found

    tried: list[tuple[float, float]] = []
    for strength in _candidates(suppressor, batch.shape):
        tried.append((strength, left(strength)))
        if tried[-1][1] <= target:
            break
    high, kept = tried[-1]
    if kept <= target and not suppressor.is_whole:
        low = tried[-2][0] if len(tried) > 1 else high / 2
        for _ in range(_HALVINGS):
            middle = exp((log(low) + log(high)) / 2)
            tried.append((middle, left(middle)))
            low, high = (low, middle) if tried[-1][1] <= target else (middle, high)
    strength, kept = min(tried, key=lambda each: abs(each[1] - target))
    return MatchedLevel(suppressor.name, strength, kept, target)


def _candidates(suppressor: Suppressor, shape: Sequence[int]) -> list[float]:
    """Strengths from mild to strong; a share ends at 1, patches where they are two voxels wide."""
    low, high = suppressor.levels[0], suppressor.levels[-1]
    if suppressor.unit == "level":
        return list(suppressor.levels)
    if suppressor.is_whole:
        return [float(n) for n in range(2, min(shape) // 2 + 1)]
    low, high = low / 4, high if suppressor.unit == "share" else high * _reach(min(shape))
    return [low * (high / low) ** (n / (_STEPS - 1)) for n in range(_STEPS)]


def _reach(shorter: int) -> float:
    """How far beyond its levels a strength may go: a length needs some voxels in small images."""
    return max(4.0, _SMALL / shorter)
