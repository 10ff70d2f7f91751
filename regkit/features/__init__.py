"""Extract what networks see in an image: extractors, backbones by name, hooks, a cache on disk.

An :class:`Extractor` makes feature maps of images. Backbones, the networks themselves, belong to
guests and to other packages, which make them known by the entry points ``regkit.features``.
"""

from regkit.features.cache import FeatureCache
from regkit.features.extractor import Extractor
from regkit.features.hooks import check_layers, layer_outputs
from regkit.features.identity import identity_of, image_identity
from regkit.features.registry import (
    FEATURES_GROUP,
    Opener,
    backbone_summaries,
    backbones,
    files_of,
    open_extractor,
    weights_in,
)

__all__ = [
    "FEATURES_GROUP",
    "Extractor",
    "FeatureCache",
    "Opener",
    "backbone_summaries",
    "backbones",
    "check_layers",
    "files_of",
    "identity_of",
    "image_identity",
    "layer_outputs",
    "open_extractor",
    "weights_in",
]
