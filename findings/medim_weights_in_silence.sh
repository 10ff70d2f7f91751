#!/usr/bin/env bash
# A checkpoint whose names do not fit leaves SAM-Med3D with random weights, without a word.
#
# Package    medim 0.1.2
# Behaviour  create_model(pretrained=True, checkpoint_path=...) calls load_state_dict(strict=False)
#            and drops what that returns.
# Seen       All names prefixed by "module.", as training on several GPUs saves them:
#              0 of 159 tensors are those of the file, and nothing was said
#            (a small network, to save time; that of the released weights is built alike)
# Matters    A segmentation by random weights looks like that of a poor model, and a study of how
#            far a model can be trusted would publish it.
# regkit     Reads the file itself, and refuses one that lacks a tensor, holds an unknown one or one
#            of another shape (foundation/segmenters/weights.py):
#            tests/foundation/segmenters/test_sam_med3d.py, test_a_checkpoint_of_training_is_opened.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 medim==0.1.2 requests==2.34.2

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import medim
import torch

SMALL = {
    "encoder_embed_dim": 24, "encoder_depth": 1, "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [0], "prompt_embed_dim": 48, "image_size": 32,
}
path = f"{sys.argv[1]}/sam.pth"
state = medim.create_model("SAM-Med3D", **SMALL).state_dict()
trained = {f"module.{name}": torch.full_like(value, 7) for name, value in state.items()}
torch.save({"model_state_dict": trained}, path)
try:
    network = medim.create_model("SAM-Med3D", pretrained=True, checkpoint_path=path, **SMALL)
except Exception as error:
    sys.exit(f"CHANGED: refused with {type(error).__name__}")
loaded = sum(bool((value == 7).all()) for value in network.state_dict().values())
print(f"{loaded} of {len(state)} tensors are those of the file, and nothing was said")
if loaded:
    sys.exit("CHANGED: weights were loaded")
PYTHON
