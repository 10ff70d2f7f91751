"""Small models that stand for large ones."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from foundation.prompts import PromptKind
from foundation.segmenters import Capabilities
from foundation.segmenters.sam_med3d import SamMed3d, sam_med3d_network

SMALL = {
    "encoder_embed_dim": 24, "encoder_depth": 1, "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0], "prompt_embed_dim": 48, "image_size": 32,
    "vit_patch_size": 16,
}  # fmt: skip


def small_sam_med3d():
    """The real architecture, small and with random weights."""
    pytest.importorskip("medim", reason="medim is not installed")
    torch.manual_seed(0)
    return SamMed3d(sam_med3d_network(**SMALL))


class Fill:
    """Bright regions that a prompt touches, but for those with a place outside."""

    name = "fill"
    capabilities = Capabilities((PromptKind.POINTS, PromptKind.BOX, PromptKind.MASK))

    def __init__(self):
        self.embedded = 0

    def embed(self, picture):
        self.embedded += 1
        return ndimage.label((picture > 0.5).numpy())[0]

    def predict(self, embedding, prompts):
        touched = np.zeros(embedding.shape, bool)
        if prompts.box is not None:
            (a, b), (c, d) = prompts.box.round().int().tolist()
            touched[a : c + 1, b : d + 1] = True
        if prompts.mask is not None:
            touched |= (prompts.mask > 0.5).numpy()
        out = []
        if prompts.points is not None:
            index = prompts.points.round().long()
            touched[tuple(index[prompts.positive].T.numpy())] = True
            out = embedding[tuple(index[~prompts.positive].T.numpy())]
        kept = [n for n in np.unique(embedding[touched]) if n and n not in out]
        return torch.from_numpy(np.isin(embedding, kept)).float()
