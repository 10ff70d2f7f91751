"""Matching: the strength at which a suppressor leaves a given share of its own cue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from probes.images.batch import Batch
from probes.reliance.retention import retention
from probes.reliance.suppressor import Suppressor
from regkit.errors import InputError

_STEPS, _HALVINGS = 7, 5


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
    reached
        Whether that is at most the share that was asked for.
    """

    suppressor: str
    strength: float
    retained: float
    reached: bool


def match_level(suppressor: Suppressor, batch: Batch, target: float, seed: int = 0) -> MatchedLevel:
    """Find the mildest strength that leaves at most ``target`` of the cue of a suppressor.

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
        The strongest one where none reaches it; ``reached`` says so.

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
    strength, kept = tried[-1]
    if kept <= target and not suppressor.is_whole:
        low = tried[-2][0] if len(tried) > 1 else strength / 2
        for _ in range(_HALVINGS):
            middle = exp((log(low) + log(strength)) / 2)
            found = left(middle)
            if found <= target:
                strength, kept = middle, found
            else:
                low = middle
    return MatchedLevel(suppressor.name, strength, kept, kept <= target)


def _candidates(suppressor: Suppressor, shape: Sequence[int]) -> list[float]:
    """Strengths from mild to strong; a share ends at 1, patches where they are two voxels wide."""
    low, high = suppressor.levels[0], suppressor.levels[-1]
    if suppressor.unit == "level":
        return list(suppressor.levels)
    if suppressor.is_whole:
        return [float(n) for n in range(2, min(shape) // 2 + 1)]
    low, high = low / 4, high if suppressor.unit == "share" else 4 * high
    return [low * (high / low) ** (n / (_STEPS - 1)) for n in range(_STEPS)]
