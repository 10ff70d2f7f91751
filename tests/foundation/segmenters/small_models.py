"""Small models that stand for large ones."""

from types import SimpleNamespace

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


class Session:
    """What the adapter of nnInteractive calls, noted; it answers with the mask that it is given."""

    supports_initial_label = True
    preferred_scribble_thickness = (1, 1, 1)
    license = "CC BY-NC-SA 4.0"

    def __init__(self):
        self.calls, self.preprocess_future = [], SimpleNamespace(result=lambda: None)
        self.supported_interactions = {"points": True, "bbox2d": True, "scribble": True}

    def set_image(self, image):
        self.shape = image.shape

    def set_target_buffer(self, buffer):
        self.target_buffer = buffer

    def __getattr__(self, name):
        def note(*args, **how):
            print("chatter")
            self.calls.append((name, args, how))
            if name == "add_initial_seg_interaction":
                self.target_buffer[:] = args[0]

        return note


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
