"""PromptKind: the ways in which a segmenter can be told what to segment."""

from __future__ import annotations

from enum import Enum


class PromptKind(Enum):
    """A kind of prompt; its value is the word that configurations and tables use."""

    NONE = "none"
    POINTS = "points"
    BOX = "box"
    SLICE_BOX = "slice_box"
    SCRIBBLES = "scribbles"
    MASK = "mask"
    TEXT = "text"
    CLASSES = "class"
    SUPPORT = "support"
    PREVIOUS = "previous"
