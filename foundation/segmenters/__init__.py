"""Promptable segmenters: one protocol, and what it takes to find models by name.

Models are found by the entry points ``regkit.segmenters``
(:mod:`foundation.segmenters.registry`).
"""

from foundation.segmenters.segmenter import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    Segmenter,
    UnsupportedPromptError,
)

__all__ = [
    "Capabilities",
    "MissingWeightsError",
    "Segmentation",
    "Segmenter",
    "UnsupportedPromptError",
]
