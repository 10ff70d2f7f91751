#!/usr/bin/env bash
# Of prompts on two frames, SAM 2 of transformers heeds one, without a word.
#
# Package    transformers 5.24.0
# Behaviour  Sam2VideoModel forgets that an object has new inputs as soon as it has looked at one
#            frame that has some. Those of other frames stay in the session and are never used: their
#            frames are tracked as if nothing were known of them. With a call of the model after
#            each prompt, both count.
# Seen       A mask on frame 0 and a mask on frame 8, added one after the other, then propagation:
#              both added first:            prompted frames [0]; frame 8 overlaps its mask by 0.03
#              the model called after each: prompted frames [0, 8]; frame 8 overlaps its mask by 0.95
#            (intersection over union; a tiny network with random weights)
# Matters    A volume is a video of its slices, and a structure is drawn in a few of them. All
#            drawings but one are ignored, and the result looks like a poor model.
# regkit     Looks at every prompted slice as soon as it is told of it
#            (foundation/segmenters/slices/sam2_memory.py): tests/foundation/segmenters/
#            test_sam2_memory.py, test_all_prompted_slices_are_known_from_the_first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.24.0 pillow==13.0.0 numpy==2.3.5

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from transformers import (
    Sam2HieraDetConfig, Sam2VideoConfig, Sam2VideoInferenceSession, Sam2VideoModel,
    Sam2VideoProcessor, Sam2VisionConfig,
)

torch.manual_seed(0)
backbone = Sam2HieraDetConfig(
    hidden_size=8, image_size=[64, 64], blocks_per_stage=[1, 1, 2, 1],
    embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 2, 2],
    window_size_per_stage=[4, 4, 4, 2], global_attention_blocks=[3],
)
vision = Sam2VisionConfig(
    backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8],
    backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
)
model = Sam2VideoModel(Sam2VideoConfig(
    vision_config=vision, prompt_encoder_config={"image_size": 64}, image_size=64,
    memory_attention_rope_feat_sizes=[4, 4],
)).eval()
processor = Sam2VideoProcessor.__new__(Sam2VideoProcessor)  # pictures are of the right size
processor.target_size = 64
masks = {0: torch.zeros(64, 64), 8: torch.zeros(64, 64)}
masks[0][8:24, 8:24] = masks[8][40:56, 40:56] = 1


def share_of_second(call_after_each):
    session = Sam2VideoInferenceSession(torch.rand(9, 3, 64, 64), 64, 64, dtype=torch.float32)
    for frame, mask in masks.items():
        processor.add_inputs_to_inference_session(session, frame, obj_ids=1, input_masks=mask)
        if call_after_each:
            model(session, frame_idx=frame)
    found = {out.frame_idx: out.pred_masks for out in model.propagate_in_video_iterator(session, 0)}
    last = torch.nn.functional.interpolate(found[8], (64, 64), mode="bilinear")[0, 0] > 0
    right = float((last & (masks[8] > 0)).sum() / (last | (masks[8] > 0)).sum())
    return sorted(session.output_dict_per_obj[0]["cond_frame_outputs"]), right


(frames, together), (each, apart) = share_of_second(False), share_of_second(True)
print(f"both added first:            prompted frames {frames}; frame 8 overlaps its mask by {together:.2f}")
print(f"the model called after each: prompted frames {each}; frame 8 overlaps its mask by {apart:.2f}")
if frames != [0] or each != [0, 8] or apart < 0.9 or together > 0.5:
    sys.exit("CHANGED: prompts of both frames are heeded, or of neither")
PYTHON
