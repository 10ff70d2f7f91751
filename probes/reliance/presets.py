"""Presets: suppressors, levels and span of a publication, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SIDE, _VALUES = 224, 255  # pixels and grey values, of which strengths are shares
_PATCHES = tuple(range(2, 17, 2))
_COLOURS = (50, 80, 110, 140, 170, 200)  # of the bilateral filter: values summed over three bands
_SIGMAS = (0.33, 0.66, 1.0, 1.33, 1.66, 2.0, 2.33)
_DEVIATIONS = (5, 10, 15, 20, 25)

RELIANCE_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {
        "suppressors": (
            "patch-shuffle", "patch-rotation", "bilateral", "gaussian", "nonlocal-means",
            "luminance", "band-exchange", "patch-shuffle+luminance@1", "bilateral+patch-shuffle",
            "bilateral@0.2222+patch-shuffle", "bilateral+luminance@1",
        ),
        "span": (0.0, 255.0),
        "levels": {
            "patch-shuffle": _PATCHES,
            "patch-rotation": _PATCHES,
            "bilateral": tuple(each / (3 * _VALUES) for each in _COLOURS),
            "gaussian": tuple(each / _SIDE for each in _SIGMAS),
            "nonlocal-means": tuple(each / _VALUES for each in _DEVIATIONS),
            "luminance": (0.2, 0.4, 0.6, 0.8, 1.0),
        },
    }
}  # fmt: skip
"""That of Burgert et al. 2025 for 8-bit RGB images of 224 x 224."""
