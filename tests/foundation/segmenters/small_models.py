"""Small models that stand for large ones."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage

from foundation.prompts import PromptKind
from foundation.segmenters import Capabilities
from foundation.segmenters.sam_med3d import SamMed3d, sam_med3d_network
from regkit.optional_packages import mend_torchvision

SMALL = {
    "encoder_embed_dim": 24, "encoder_depth": 1, "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0], "prompt_embed_dim": 48, "image_size": 32,
    "vit_patch_size": 16,
}  # fmt: skip
_MEMORY = {  # 64 channels of the memory are written into the attention
    "image_size": 64, "memory_attention_hidden_size": 128, "memory_attention_num_layers": 1,
    "memory_attention_feed_forward_hidden_size": 32, "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": 128, "memory_encoder_output_channels": 64,
    "mask_downsampler_embed_dim": 128, "memory_fuser_embed_dim": 128,
    "memory_fuser_intermediate_dim": 32, "memory_fuser_num_layers": 1,
}  # fmt: skip


def small_sam_med3d():
    """The real architecture, small and with random weights."""
    pytest.importorskip("medim", reason="medim is not installed")
    torch.manual_seed(0)
    return SamMed3d(sam_med3d_network(**SMALL))


def small_sam2(kind="Sam2", width=32, **settings):
    """The real architecture, tiny and with random weights; ``Sam2Video`` with its memory."""
    mend_torchvision()
    package = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    backbone = package.Sam2HieraDetConfig(
        hidden_size=8, image_size=[64, 64], blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 4, 4, 2], global_attention_blocks=[3],
    )  # fmt: skip
    vision = package.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=width,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    config = getattr(package, f"{kind}Config")(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": width, "image_size": 64},
        mask_decoder_config={"hidden_size": width, "mlp_dim": 32, "iou_head_hidden_dim": 32},
        **settings,
    )
    return getattr(package, f"{kind}Model")(config)


def small_sam2_video(**settings):
    """SAM 2 with its memory, tiny; it finds something everywhere, as random weights would not."""
    network = small_sam2("Sam2Video", 128, **{**_MEMORY, **settings})
    for name, weights in network.named_parameters():
        if not weights.detach().any() and "bias" not in name:  # what training would fill
            torch.nn.init.normal_(weights, std=0.3)
        elif name.startswith("memory_attention") and weights.ndim == 2:
            weights.data *= 10
    for head in network.mask_decoder.output_hypernetworks_mlps:
        head.proj_out.weight.data *= 1000
    torch.nn.init.constant_(network.mask_decoder.pred_obj_score_head.proj_out.bias, 10.0)
    return network


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
