"""The network of `prompt-unet`: an image and its prompts in, one logit a voxel out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 5
"""Image, mask, points inside, points outside, boxes."""
WIDTHS = (8, 16, 40, 80)


class PromptNetwork(nn.Module):
    """A U-Net with instance normalisation and additive skips.

    Parameters
    ----------
    widths
        Channels at each resolution, the finest first; each is half as fine as the one before.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.stem = _block(CHANNELS, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(_block(fine, coarse, stride=2), _block(coarse, coarse))
            for fine, coarse in pairs
        )
        self.up = nn.ModuleList(nn.Conv3d(coarse, fine, 1) for fine, coarse in pairs)
        self.mix = nn.ModuleList(_block(fine, fine) for fine, _ in pairs)
        self.head = nn.Conv3d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Turn ``(N, 5, n, n, n)`` into logits ``(N, 1, n, n, n)``; 8 divides n."""
        skips = [self.stem(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        found = skips.pop()
        for up, mix in zip(reversed(self.up), reversed(self.mix), strict=True):
            finer = functional.interpolate(
                up(found), scale_factor=2, mode="trilinear", align_corners=False
            )
            found = mix(finer + skips.pop())
        logits: Tensor = self.head(found)
        return logits


def _block(taken: int, made: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(taken, made, 3, stride, 1, bias=False),
        nn.InstanceNorm3d(made, affine=True),
        nn.LeakyReLU(0.01, inplace=True),
    )


def segmentation_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Return cross-entropy plus one minus the soft Dice, both ``(N, 1, n, n, n)``; lower is better.

    ``truth`` is the share of each voxel that belongs to the structure.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, truth)
    found, axes = torch.sigmoid(logits), (1, 2, 3, 4)
    common = 2 * (found * truth).sum(axes) + 1
    return entropy + (1 - common / (found.sum(axes) + truth.sum(axes) + 1)).mean()
