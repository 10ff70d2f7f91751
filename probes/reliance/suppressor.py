"""Suppressor: an operation that removes one cue of images, with its levels; and all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from torch import Generator

from probes.images.batch import Batch
from probes.reliance.averages import bilateral, nonlocal_means
from probes.reliance.colours import (
    blend_luminance,
    common_component,
    exchange_bands,
    flat_histogram,
    flat_spectrum,
    monotone_remap,
)
from probes.reliance.filters import gaussian_blur, guided_filter, median
from probes.reliance.patches import draw_seams, shuffle_patches, turn_patches
from regkit.errors import InputError
from regkit.settings import near

Cue = Literal["shape", "texture", "colour", "intensity", "seams"]
Act = Callable[[Batch, float, Generator], Batch]
CUES: tuple[Cue, ...] = ("shape", "texture", "colour", "intensity")
_OF_SIDE, _OF_SPAN, _SHARE = "share of the shorter side", "share of the span", "share"


@dataclass(frozen=True)
class Suppressor:
    """One operation and the strengths at which a study applies it.

    Parameters
    ----------
    name
        As configurations write it.
    cue
        What it is meant to remove. That of a control is ``seams``.
    act
        Images, a strength and a generator to images.
    levels
        Strengths from mild to strong.
    unit
        What a strength is.
    is_random
        Whether two draws differ.
    bands
        How many the images must have: the least, and the most if there is one.
    is_whole
        Whether strengths are whole numbers.

    Examples
    --------
    >>> suppressor_called("patch-shuffle").cue
    'shape'
    """

    name: str
    cue: Cue
    act: Act
    levels: tuple[float, ...]
    unit: str
    is_random: bool = False
    bands: tuple[int, int | None] = (1, None)
    is_whole: bool = False

    def __call__(self, batch: Batch, strength: float, generator: Generator) -> Batch:
        """Suppress the cue.

        Parameters
        ----------
        batch
            Images, with what lies on them; nothing of it changes.
        strength
            In :attr:`unit`; 0 leaves the images as they are.
        generator
            Draws whatever is random.

        Raises
        ------
        InputError
            If the images do not have the bands or the size for it.
        """
        (least, most), count = self.bands, batch.bands.count
        if count < least or (most is not None and count > most):
            allowed = f"{least}" if most == least else f"at least {least}"
            raise InputError(f"{self.name} needs {allowed} bands; the images have {count}")
        return self.act(batch, strength, generator) if strength else batch


_PATCHES = (2.0, 4.0, 8.0, 12.0, 16.0)
_DEVIATIONS = tuple(round(values / 765, 4) for values in (50, 80, 110, 140, 170, 200))
_SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
_ALL = (
    Suppressor("patch-shuffle", "shape", shuffle_patches, _PATCHES, "patches", True, is_whole=True),
    Suppressor("patch-rotation", "shape", turn_patches, _PATCHES, "patches", True, is_whole=True),
    Suppressor("seams", "seams", draw_seams, _PATCHES, "patches", True, is_whole=True),
    Suppressor("bilateral", "texture", bilateral, _DEVIATIONS[1:], _OF_SPAN),
    Suppressor("guided", "texture", guided_filter, (0.02, 0.05, 0.1, 0.2, 0.4), _OF_SPAN),
    Suppressor(
        "gaussian", "texture", gaussian_blur,
        tuple(round(sigma / 224, 5) for sigma in (0.66, 1, 1.33, 2, 2.33)), _OF_SIDE,
    ),
    Suppressor(
        "median", "texture", median, tuple(round(r / 224, 5) for r in range(1, 6)), _OF_SIDE
    ),
    Suppressor(
        "nonlocal-means", "texture", nonlocal_means,
        tuple(round(h / 255, 4) for h in (5, 10, 15, 20, 25)), _OF_SPAN,
    ),
    Suppressor("grayscale", "colour", common_component, _SHARES, _SHARE, bands=(2, None)),
    Suppressor("luminance", "colour", blend_luminance, _SHARES, _SHARE, bands=(3, 3)),
    Suppressor("flat-spectrum", "colour", flat_spectrum, _SHARES, _SHARE, bands=(2, None)),
    Suppressor(
        "band-exchange", "colour", exchange_bands, (1.0,), _SHARE, True, bands=(2, None)
    ),
    Suppressor(
        "monotone-remap", "intensity", monotone_remap, (0.25, 0.5, 1.0, 1.5, 2.0),
        "deviation of log slopes", True,
    ),
    Suppressor("flat-histogram", "intensity", flat_histogram, _SHARES, _SHARE),
)  # fmt: skip
SUPPRESSORS: Mapping[str, Suppressor] = {each.name: each for each in _ALL}
"""Every suppressor by its name."""
_USUAL = {
    "shape": ("patch-shuffle", "patch-rotation", "seams"),
    "texture": ("bilateral", "gaussian"),
    "colour": ("grayscale", "band-exchange"),
    "intensity": ("monotone-remap", "flat-histogram"),
}


def suppressor_called(name: str) -> Suppressor:
    """Find a suppressor, or compose several that are joined by ``+``.

    A composition has the cue of its first part and as many levels as the part that has most; a part
    with fewer stays at its last one. A strength is a number of a level, from 1. ``name@strength``
    keeps a suppressor at one strength.

    Parameters
    ----------
    name
        Such as ``bilateral``, ``patch-shuffle+grayscale`` or ``bilateral@0.22+patch-shuffle``.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> suppressor_called("patch-shuffle+grayscale").levels
    (1.0, 2.0, 3.0, 4.0, 5.0)
    """
    parts = [_one(part) for part in name.split("+")]
    return parts[0] if len(parts) == 1 else _composed(name, parts)


def usual_suppressors(bands: int) -> tuple[str, ...]:
    """Return the names that a study takes by itself, for images of so many bands.

    Examples
    --------
    >>> usual_suppressors(1)[-1], usual_suppressors(13)[-1]
    ('flat-histogram', 'band-exchange')
    """
    cues = ("shape", "texture", "intensity" if bands == 1 else "colour")
    return tuple(name for cue in cues for name in _USUAL[cue])


def _one(text: str) -> Suppressor:
    name, _, strength = text.partition("@")
    if name not in SUPPRESSORS:
        raise InputError(f"there is no suppressor {name!r:.60}{near(name, SUPPRESSORS)}")
    found = SUPPRESSORS[name]
    return replace(found, name=text, levels=(_strength(text, strength),)) if strength else found


def _strength(text: str, strength: str) -> float:
    try:
        value = float(strength)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise InputError(f"{text!r:.60} has no strength; write a number above 0 after the @")
    return value


def _composed(name: str, parts: list[Suppressor]) -> Suppressor:
    count = max(len(part.levels) for part in parts)

    def act(batch: Batch, strength: float, generator: Generator) -> Batch:
        for part in parts:
            level = min(max(round(strength), 1), len(part.levels)) - 1
            batch = part(batch, part.levels[level], generator)
        return batch

    return Suppressor(
        name, parts[0].cue, act, tuple(float(n) for n in range(1, count + 1)), "level",
        any(part.is_random for part in parts),
        (max(part.bands[0] for part in parts), None), is_whole=True,
    )  # fmt: skip
