"""What segmenters are told: prompts in world units, how one becomes another, how they go wrong."""

from foundation.prompts.box import Box
from foundation.prompts.converters import (
    CONVERTED_KINDS,
    CONVERTERS,
    box_of_mask,
    converter_called,
    slice_box_of_mask,
)
from foundation.prompts.kinds import PromptKind
from foundation.prompts.logits import logits_of_mask, smooth_logits_of_mask
from foundation.prompts.perturbations.structure import EmptyMaskError
from foundation.prompts.places import points_of_mask
from foundation.prompts.prompts import PointPrompt, Prompts, SupportPair
from foundation.prompts.seeds import seed_of

__all__ = [
    "CONVERTED_KINDS",
    "CONVERTERS",
    "Box",
    "EmptyMaskError",
    "PointPrompt",
    "PromptKind",
    "Prompts",
    "SupportPair",
    "box_of_mask",
    "converter_called",
    "logits_of_mask",
    "points_of_mask",
    "seed_of",
    "slice_box_of_mask",
    "smooth_logits_of_mask",
]
