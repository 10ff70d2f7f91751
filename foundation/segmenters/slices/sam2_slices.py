"""Sam2Slices: SAM 2 on single pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from foundation.prompts import PromptKind
from foundation.segmenters.segmenter import Capabilities
from foundation.segmenters.slices.sam2_input import sam2_pixels, sam2_places
from foundation.segmenters.slices.slice_model import SlicePrompts

SAM2_CAPABILITIES = Capabilities(
    (PromptKind.POINTS, PromptKind.BOX, PromptKind.MASK), combinable=True, licence="Apache-2.0"
)
_SURE = 1e-4  # the probability beyond which logits of a mask are cut


@dataclass
class Sam2Slices:
    """The network of transformers, ``Sam2Model``, as a model of pictures.

    Parameters
    ----------
    network
        Frozen here, and put in evaluation mode.
    capabilities
        As of every segmenter.
    """

    network: Any
    capabilities: Capabilities = SAM2_CAPABILITIES
    name: str = "sam2"

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    @property
    def side(self) -> int:
        """How many pixels an axis the network sees."""
        return int(self.network.config.prompt_encoder_config.image_size)

    def embed(self, picture: Tensor) -> tuple[Any, tuple[int, int]]:
        """Return the features of a picture ``(H, W)`` from 0 to 1, and its size."""
        with torch.no_grad():
            features = self.network.get_image_embeddings(sam2_pixels(picture, self.side))
        return features, (picture.shape[0], picture.shape[1])

    def predict(self, embedding: Any, prompts: SlicePrompts) -> Tensor:
        """Return the probability of what the prompts show, ``(H, W)``.

        Parameters
        ----------
        embedding
            Of :meth:`embed`.
        prompts
            Places count pixels of the picture.
        """
        features, shape = embedding
        told = sam2_places(prompts, shape, self.side)
        if prompts.mask is not None:
            told["input_masks"] = torch.logit(prompts.mask.clamp(_SURE, 1 - _SURE))[None, None]
        with torch.no_grad():
            found = self.network(image_embeddings=features, multimask_output=False, **told)
        logits = found.pred_masks[0, :, :1]
        return functional.interpolate(logits, shape, mode="bilinear")[0, 0].sigmoid()
