"""SAM 2 on volumes, slice by slice, from a folder of the transformers library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from foundation.prompts import PromptKind
from foundation.segmenters.segmenter import Capabilities, MissingWeightsError
from foundation.segmenters.slices.slice_model import SlicePrompts
from foundation.segmenters.slices.slice_wise import SliceWise
from regkit.digests import sha256
from regkit.errors import InputError, require
from regkit.optional_packages import mend_torchvision

_CAPABILITIES = Capabilities(
    (PromptKind.POINTS, PromptKind.BOX, PromptKind.MASK), combinable=True, licence="Apache-2.0"
)
_WEIGHTS = "model.safetensors"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours
_SURE = 1e-4  # the probability beyond which logits of a mask are cut


def open_sam2(path: Path | None) -> SliceWise:
    """SAM 2 slice by slice, in sam2=FOLDER of transformers (weights unverified).

    Its memory of other slices is not used: a slice is shown the box of what was found in the one
    before.

    Parameters
    ----------
    path
        With ``config.json`` and ``model.safetensors``, such as that of sam2.1-hiera-tiny.

    Raises
    ------
    MissingWeightsError
        If the folder does not hold them.
    InputError
        If transformers is not installed, or the weights are of another network.
    """
    if path is None or not (path / _WEIGHTS).is_file() or not (path / "config.json").is_file():
        raise MissingWeightsError(
            f"model sam2={path or ''}: there is no config.json with {_WEIGHTS}; download "
            "huggingface.co/facebook/sam2.1-hiera-tiny and write sam2=FOLDER"
        )
    about = replace(_CAPABILITIES, weights=sha256(path / _WEIGHTS))
    return SliceWise(Sam2Slices(_network(path), about))


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
    capabilities: Capabilities = _CAPABILITIES
    name: str = "sam2"

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    @property
    def side(self) -> int:
        """How many pixels an axis the network sees."""
        return int(self.network.config.prompt_encoder_config.image_size)

    def embed(self, picture: Tensor) -> tuple[Any, tuple[int, int]]:
        """Return the features of a picture ``(H, W)`` from 0 to 1, and its size."""
        size = (self.side, self.side)
        grey = functional.interpolate(picture[None, None], size, mode="bilinear", antialias=True)
        mean, deviation = (torch.tensor(x)[:, None, None] for x in (_MEAN, _DEVIATION))
        with torch.no_grad():
            features = self.network.get_image_embeddings((grey - mean) / deviation)
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
        with torch.no_grad():
            found = self.network(
                image_embeddings=features, multimask_output=False, **self._told(prompts, shape)
            )
        logits = found.pred_masks[0, :, :1]
        return functional.interpolate(logits, shape, mode="bilinear")[0, 0].sigmoid()

    def _told(self, prompts: SlicePrompts, shape: tuple[int, int]) -> dict[str, Tensor]:
        scale = self.side / torch.tensor(shape)
        told: dict[str, Tensor] = {}
        if prompts.points is not None and prompts.positive is not None:
            # (column, row), and the middle of a pixel where the network adds one half.
            told["input_points"] = ((prompts.points + 0.5) * scale - 0.5).flip(-1)[None, None]
            told["input_labels"] = prompts.positive.int()[None, None]
        if prompts.box is not None:
            edges = (prompts.box + torch.tensor([[0.0], [1.0]])) * scale
            told["input_boxes"] = edges.flip(-1).reshape(1, 1, 4)
        if prompts.mask is not None:
            told["input_masks"] = torch.logit(prompts.mask.clamp(_SURE, 1 - _SURE))[None, None]
        return told


def _network(path: Path) -> Any:
    mend_torchvision()
    package = require("transformers", extra="sam2")
    try:
        network, about = package.Sam2Model.from_pretrained(
            str(path), local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # whatever the package raises
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path.name}: cannot be opened as SAM 2: {reason}") from error
    missing = sorted(about["missing_keys"])
    if missing:
        raise InputError(
            f"{path.name}: is of another network: {len(missing)} tensors are missing, such as "
            f"{missing[0]}; get the weights of this model"
        )
    return network
