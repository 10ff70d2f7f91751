"""What segmenters are told: prompts in world units, how one becomes another, how they go wrong."""

from foundation.prompts.box import Box
from foundation.prompts.kinds import PromptKind
from foundation.prompts.prompts import PointPrompt, Prompts, SupportPair

__all__ = ["Box", "PointPrompt", "PromptKind", "Prompts", "SupportPair"]
