"""Similarities and regularisers. Lower is better."""

from regkit.losses.channels import ChannelSum
from regkit.losses.dice import dice_loss
from regkit.losses.features import FeatureSimilarity
from regkit.losses.lncc import LNCC
from regkit.losses.mind import MIND
from regkit.losses.mixed import Mixed
from regkit.losses.mse import MSE
from regkit.losses.mutual_information import MutualInformation
from regkit.losses.similarity import Similarity

__all__ = [
    "LNCC",
    "MIND",
    "MSE",
    "ChannelSum",
    "FeatureSimilarity",
    "Mixed",
    "MutualInformation",
    "Similarity",
    "dice_loss",
]
