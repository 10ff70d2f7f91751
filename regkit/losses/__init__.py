"""Similarities and regularisers. Lower is better."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regkit.losses.channels import ChannelSum
    from regkit.losses.dice import dice_loss
    from regkit.losses.features import FeatureSimilarity
    from regkit.losses.lncc import LNCC
    from regkit.losses.mind import MIND
    from regkit.losses.mse import MSE
    from regkit.losses.mutual_information import MutualInformation
    from regkit.losses.similarity import Similarity
    from regkit.losses.similarity_sum import SimilaritySum
    from regkit.losses.traits import Traits

# Everything is imported on first use: the command line asks the registry for names alone.
_HOME = {
    "ChannelSum": "channels",
    "FeatureSimilarity": "features",
    "LNCC": "lncc",
    "MIND": "mind",
    "MSE": "mse",
    "SimilaritySum": "similarity_sum",
    "MutualInformation": "mutual_information",
    "Similarity": "similarity",
    "Traits": "traits",
    "dice_loss": "dice",
}

__all__ = [
    "LNCC",
    "MIND",
    "MSE",
    "ChannelSum",
    "FeatureSimilarity",
    "MutualInformation",
    "Similarity",
    "SimilaritySum",
    "Traits",
    "dice_loss",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'regkit.losses' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"regkit.losses.{_HOME[name]}"), name)
    globals()[name] = value
    return value
