"""The segmenters `prompt-unet` and `prompt-unet-robust`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import nn

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.prompt_unet.channels import prompt_channels
from foundation.segmenters.prompt_unet.crop import CROP_VOXELS, crop_grid, image_channel
from foundation.segmenters.prompt_unet.network import PromptNetwork
from foundation.segmenters.segmenter import Capabilities, MissingWeightsError, Segmentation
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.networks.weights.checkpoint import read_checkpoint
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

CONFIG_FILE, NETWORK_FILE = "config.json", "model.safetensors"
_KINDS = (PromptKind.POINTS, PromptKind.BOX, PromptKind.MASK)
_CAPABILITIES = Capabilities(_KINDS, combinable=True, licence="Apache-2.0")
_CAUTION = (
    "has learned from one brain and one chest, for minutes: it follows the mask that it is given, "
    "and by a point or a box it is poor; look at the result"
)
_NOWHERE = -30.0  # the logit of what the network did not see


def open_prompt_unet(path: Path | None) -> PromptUnet:
    """A small U-Net, trained for minutes with prompts that are right; poor by points and boxes.

    Parameters
    ----------
    path
        A folder that ``regkit train`` wrote; None: the weights that ship.

    Raises
    ------
    MissingWeightsError
        If the folder does not hold them.
    InputError
        If they are of another network.
    """
    return _open("prompt-unet", path)


def open_prompt_unet_robust(path: Path | None) -> PromptUnet:
    """A small U-Net, trained for minutes with wrong prompts too; poor by points and boxes.

    Parameters
    ----------
    path
        A folder that ``regkit train`` wrote; None: the weights that ship.

    Raises
    ------
    MissingWeightsError
        If the folder does not hold them.
    InputError
        If they are of another network.
    """
    return _open("prompt-unet-robust", path)


@dataclass
class PromptUnet:
    """A :class:`PromptNetwork` on a cube around the prompts, and back on the grid of the image.

    Parameters
    ----------
    network
        Frozen here, and put in evaluation mode.
    name, capabilities
        As of every segmenter.
    """

    network: nn.Module
    name: str = "prompt-unet"
    capabilities: Capabilities = _CAPABILITIES
    image: Volume | None = None

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    def set_image(self, image: Volume) -> None:
        """Take a 3-D image of one channel ``(1, i, j, k)``, whose world has a unit of length.

        Raises
        ------
        InputError
            If it is another.
        """
        check_one_channel(image, self.name)
        image.grid.world.scale_to("mm")
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment what the prompts show.

        Raises
        ------
        UnsupportedPromptError
            If a kind is given that is neither points, box nor mask.
        InputError
            If no image was set, the mask is empty, or nothing of the crop lies in the image.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        grid = crop_grid(prompts, image.grid.world)
        seen = torch.cat([image_channel(image, grid), prompt_channels(prompts, grid)])
        logits = self.network(seen[None])
        onto = warp(
            Volume(logits[0], grid, image.name),
            Affine.identity(),
            onto=image.grid,
            outside=_NOWHERE,
        )
        return Segmentation.of(onto.with_data(onto.data.sigmoid()), _details(prompts, grid))

    def reset(self) -> None:
        """Forget the image."""
        self.image = None


def _open(name: str, path: Path | None) -> PromptUnet:
    folder = path or Path(str(files("foundation") / "segmenters" / "models" / name))
    for each in (CONFIG_FILE, NETWORK_FILE):
        if not (folder / each).is_file():
            raise MissingWeightsError(
                f"model {name}: {folder / each} is not there; write {name}={{FOLDER}} with a "
                "folder `model` that regkit train wrote for the task promptable-segmentation"
            )
    network = _network(folder)
    weights = sha256(folder / NETWORK_FILE)
    caution = _CAUTION if path is None else ""
    capabilities = replace(_CAPABILITIES, weights=weights, caution=caution)
    return PromptUnet(network, name, capabilities)


def _network(folder: Path) -> PromptNetwork:
    try:
        settings = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        network = PromptNetwork(settings["widths"])
        network.load_state_dict(read_checkpoint(folder / NETWORK_FILE))
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{folder}: holds no network of prompt-unet; train it again") from error
    return network


def _details(prompts: Prompts, grid: Grid) -> dict[str, Any]:
    return {
        "prompts": [kind.value for kind in prompts.kinds],
        "crop_centre": [float(x) for x in grid.centre],
        "crop_spacing": float(grid.spacing[0]),
        "crop_shape": [CROP_VOXELS] * 3,
    }
