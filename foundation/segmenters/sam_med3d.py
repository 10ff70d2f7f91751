"""SAM-Med3D: points or a mask, on a cube of 128 voxels of 1.5 mm around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from foundation.prompts import Box, PointPrompt, PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.lattice import isotropic_grid, probabilities_on, resample_to_grid
from foundation.segmenters.on_grid import mask_on
from foundation.segmenters.prompt_unet.crop import mask_box
from foundation.segmenters.segmenter import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    UnsupportedPromptError,
)
from foundation.segmenters.weights import as_named, fill_network
from regkit.digests import sha256
from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.networks.weights.checkpoint import read_checkpoint
from regkit.volume import Volume

# Boxes are none of them: the encoder of medim 0.1.2 takes those of two dimensions, and no released
# weights were trained with any.
_CAPABILITIES = Capabilities(
    (PromptKind.POINTS, PromptKind.MASK), combinable=True, licence="Apache-2.0"
)
NAME = "sam-med3d"
_SPACING_MM = 1.5
_INSIDE, _OUTSIDE = 10.0, -20.0  # logits of a mask, as in the study of prompt robustness
_CELLS = 8  # cubes begin every 24 mm, so that a prompt is at most 12 mm off the middle
_MOST = 64  # embeddings of one image that are kept, 0.8 MB each
_STATE = "model_state_dict"


def open_sam_med3d(path: Path | None) -> SamMed3d:
    """SAM-Med3D by medim 0.1.2, in sam-med3d=FILE (weights unverified).

    Parameters
    ----------
    path
        ``sam_med3d_turbo.pth``, or another checkpoint of that network.

    Raises
    ------
    MissingWeightsError
        If there is no such file.
    InputError
        If medim is not installed, or the weights are of another network.
    """
    network, file = filled_sam_med3d(path)
    return SamMed3d(network, replace(_CAPABILITIES, weights=sha256(file)))


def filled_sam_med3d(path: Path | None) -> tuple[nn.Module, Path]:
    """Build the network and load the weights of a checkpoint into it.

    Parameters
    ----------
    path
        ``sam_med3d_turbo.pth``, or another checkpoint of that network.

    Returns
    -------
    network, file
        Frozen, and the file that filled it.

    Raises
    ------
    MissingWeightsError
        If there is no such file.
    InputError
        If medim is not installed, or the weights are of another network.
    """
    if path is None or not path.is_file():
        raise MissingWeightsError(
            f"{as_named('sam-med3d', path)}: there is no such file; download sam_med3d_turbo.pth "
            "from huggingface.co/blueyo0/SAM-Med3D and write sam-med3d=FILE"
        )
    network = sam_med3d_network()
    return fill_network(network, read_checkpoint(path, entry=_STATE), path.name), path


def sam_med3d_network(**sizes: Any) -> nn.Module:
    """Build the network with random weights.

    Parameters
    ----------
    **sizes
        Of medim, such as ``encoder_depth``; without any, those of the weights that were released.

    Raises
    ------
    InputError
        If medim is not installed.
    """
    medim = require("medim.models.sam_med3d", extra="sam-med3d")
    network: nn.Module = medim.build_sam3D_vit_b_ori(**sizes)
    return network


@dataclass
class SamMed3d:
    """The network on a cube around the prompt, whose embedding is computed once.

    Parameters
    ----------
    network
        Frozen here, and put in evaluation mode. How many voxels it sees, it knows.
    capabilities
        As of every segmenter.
    """

    network: Any
    capabilities: Capabilities = _CAPABILITIES
    name: str = NAME
    image: Volume | None = None
    _embeddings: dict[tuple[int, ...], Tensor] = field(default_factory=dict)

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
        self.image, self._embeddings = image, {}

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment what points and a mask show.

        Raises
        ------
        UnsupportedPromptError
            If another kind is given, or none.
        InputError
            If no image was set, the mask is empty, or the prompt does not fit into the cube.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        start, grid = self._cube(prompts, image.grid)
        with torch.no_grad():
            logits = self._decoded(self._embedding(image, start, grid), prompts, grid)
        size = functional.interpolate(logits, grid.shape, mode="trilinear", align_corners=False)
        details = {"crop_start": list(start), "crop_centre": [float(x) for x in grid.centre]}
        return Segmentation.of(probabilities_on(size[0], grid, image), details)

    def reset(self) -> None:
        """Forget the image and its embeddings."""
        self.image, self._embeddings = None, {}

    def _cube(self, prompts: Prompts, grid: Grid) -> tuple[tuple[int, ...], Grid]:
        """Where the cube begins among voxels of 1.5 mm, and its grid: from the prompt alone."""
        whole, size = isotropic_grid(grid, _SPACING_MM), int(self.network.image_encoder.img_size)
        centre = torch.tensor(_prompted(prompts, self.name).centre, dtype=torch.float64)
        middle = whole.to_index(centre).round().long()
        start = tuple(
            _cube_start(int(at), length, size)
            for at, length in zip(middle, whole.shape, strict=True)
        )
        return start, whole.window(start, (size,) * 3)

    def _embedding(self, image: Volume, start: tuple[int, ...], grid: Grid) -> Tensor:
        if start not in self._embeddings:
            if len(self._embeddings) >= _MOST:
                self._embeddings.pop(next(iter(self._embeddings)))
            seen = above_zero_normalised(resample_to_grid(image, grid), image.name)
            self._embeddings[start] = self.network.image_encoder(seen[None])
        return self._embeddings[start]

    def _decoded(self, embedding: Tensor, prompts: Prompts, grid: Grid) -> Tensor:
        encoder = self.network.prompt_encoder
        points = None if prompts.points is None else _clicks(prompts.points, grid, self.name)
        sparse, dense = encoder(points=points, boxes=None, masks=_low_mask(prompts, grid))
        logits: Tensor = self.network.mask_decoder(
            image_embeddings=embedding,
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )[0]
        return logits


def _cube_start(middle: int, length: int, size: int) -> int:
    """Where a cube of ``size`` voxels begins along an axis, for a prompt around ``middle``.

    It holds the whole axis where it can, and else lies on a lattice: prompts of one structure, and
    all prompts of a small image, see one cube, whose embedding takes most of the time.
    """
    if length <= size:
        return (length - size) // 2
    step = max(1, size // _CELLS)
    return round((middle - size // 2) / step) * step


def _prompted(prompts: Prompts, model: str) -> Box:
    if prompts.mask is not None:
        return mask_box(prompts.mask)
    if prompts.points is None:
        raise UnsupportedPromptError(f"{model} needs a prompt of the kind points or mask; give one")
    inside = prompts.points.points.xyz[torch.as_tensor(prompts.points.positive)]
    if not len(inside):
        raise UnsupportedPromptError(f"{model} needs a point inside the structure; give one")
    return Box.around(inside.numpy())


def above_zero_normalised(seen: Tensor, name: str) -> Tensor:
    """Scale as in training: mean 0 and deviation 1 of what is above 0, padding among the rest.

    Parameters
    ----------
    seen
        ``(1, i, j, k)``, 0 where there is nothing.
    name
        What a message calls the image.

    Raises
    ------
    InputError
        If nothing is above 0, or it has no contrast.
    """
    body = seen[seen > 0]
    if len(body) < 2 or not float(body.std()) > 0:
        raise InputError(f"{name or 'image'}: what {NAME} is shown has no contrast above 0")
    return (seen - body.mean()) / body.std()


def _clicks(points: PointPrompt, grid: Grid, model: str) -> tuple[Tensor, Tensor]:
    """Indices ``(1, N, 3)`` in the cube, and 1 for what is inside, 0 for what is not."""
    if not bool(grid.contains(points.points.xyz).all()):
        side = grid.shape[0] * grid.spacing[0]
        raise InputError(
            f"{model} sees {side:g} {grid.world.unit} around the prompt, and a point lies beyond; "
            "give points that are nearer to each other"
        )
    index = grid.to_index(points.points.xyz).round().float()
    return index[None], torch.as_tensor(points.positive)[None].long()


def _low_mask(prompts: Prompts, grid: Grid) -> Tensor:
    """Logits ``(1, 1, n, n, n)``, a quarter as fine; with points alone zeros, as in training."""
    low = tuple(n // 4 for n in grid.shape)
    if prompts.mask is None:
        return torch.zeros(1, 1, *low)
    inside = (mask_on(prompts.mask, grid) > 0.5).float()[None]
    coarse = functional.interpolate(inside, low, mode="nearest")
    return torch.where(coarse > 0, _INSIDE, _OUTSIDE)
