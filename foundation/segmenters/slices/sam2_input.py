"""What the networks of SAM 2 are given: pictures and places in their own pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from foundation.segmenters.slices.slice_model import SlicePrompts

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours


def sam2_pixels(picture: Tensor, side: int) -> Tensor:
    """Resize a grey picture and scale it as the colours of ImageNet, ``(1, 3, side, side)``.

    Parameters
    ----------
    picture
        ``(H, W)`` from 0 to 1.
    side
        How many pixels an axis the network sees.
    """
    size = (side, side)
    grey = functional.interpolate(picture[None, None], size, mode="bilinear", antialias=True)
    mean, deviation = (torch.tensor(x)[:, None, None] for x in (_MEAN, _DEVIATION))
    return (grey - mean) / deviation


def sam2_places(prompts: SlicePrompts, shape: tuple[int, int], side: int) -> dict[str, Tensor]:
    """Return points with their signs and a box, by the names that transformers gives them.

    Parameters
    ----------
    prompts
        Places count pixels of a slice; its mask is not looked at.
    shape
        Of the slice, ``(H, W)``.
    side
        How many pixels an axis the network sees.

    Returns
    -------
    dict
        Those that are there of ``input_points (1, 1, N, 2)`` in columns and rows, ``input_labels
        (1, 1, N)`` and ``input_boxes (1, 1, 4)``.
    """
    scale = side / torch.tensor(shape)
    told: dict[str, Tensor] = {}
    if prompts.points is not None and prompts.positive is not None:
        # (column, row), and the middle of a pixel where the network adds one half.
        told["input_points"] = ((prompts.points + 0.5) * scale - 0.5).flip(-1)[None, None]
        told["input_labels"] = prompts.positive.int()[None, None]
    if prompts.box is not None:
        edges = (prompts.box + torch.tensor([[0.0], [1.0]])) * scale
        told["input_boxes"] = edges.flip(-1).reshape(1, 1, 4)
    return told
