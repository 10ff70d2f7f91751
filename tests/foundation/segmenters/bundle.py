"""Write a tiny MONAI bundle."""

import json

import torch
from monai.networks.nets import BasicUNet

NETWORK = {
    "_target_": "BasicUNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3,
    "features": [4, 4, 8, 8, 8, 4],
}  # fmt: skip
CONFIG = {
    "network_def": NETWORK,
    "patch": [32, 32, 32],
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": "@patch", "overlap": 0.25},
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS", "labels": None},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [2.0, 2.0, 2.0]},
            {"_target_": "NormalizeIntensityd", "keys": "image"},
        ],
    },
    "evaluator": {"_target_": "os.system", "command": "$print('never made')"},
}
METADATA = {
    "network_data_format": {
        "outputs": {"pred": {"channel_def": {"0": "background", "1": "spleen", "2": "liver"}}}
    }
}


def write_bundle(folder, config=CONFIG, *, yaml=False):
    torch.manual_seed(0)
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    name = "inference.yaml" if yaml else "inference.json"  # JSON is YAML
    (folder / "configs" / name).write_text(json.dumps(config))
    (folder / "configs" / "metadata.json").write_text(json.dumps(METADATA))
    network = BasicUNet(**{k: v for k, v in NETWORK.items() if k != "_target_"})
    torch.save(network.state_dict(), folder / "models" / "model.pt")
    return folder
