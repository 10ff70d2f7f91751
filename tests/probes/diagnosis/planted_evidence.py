"""Images of noise whose class is the band that holds bright squares, and networks that know it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from regkit.optional_packages import mend_torchvision

CLASSES, SIZE = 3, 32


def planted_images(count: int, seed: int) -> tuple[Tensor, np.ndarray]:
    """Six squares of four pixels each, at random places in the band of the class."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(count) % CLASSES
    images = 0.5 * torch.randn(count, CLASSES, SIZE, SIZE, generator=generator)
    places = torch.randint(0, SIZE - 4, (count, 6, 2), generator=generator).tolist()
    for image, own, corners in zip(images, classes.tolist(), places, strict=True):
        for row, column in corners:
            image[own, row : row + 4, column : column + 4] += 1.5
    return images, classes.numpy()


class ResidualNetwork(nn.Module):
    """Two residual blocks with BatchNorm, whose additions are functions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(CLASSES, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(16, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU(),
                nn.Conv2d(16, 16, 3, 1, 1), nn.BatchNorm2d(16),
            )
            for _ in range(2)
        )  # fmt: skip
        self.acts = nn.ModuleList(nn.ReLU() for _ in range(2))
        self.classifier = nn.Linear(16, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.stem(images)
        for block, act in zip(self.blocks, self.acts, strict=True):
            shortcut = maps
            maps = block(maps)
            maps += shortcut
            maps = act(maps)
        return self.classifier(maps.mean((2, 3)))


def small_transformer() -> nn.Module:
    """A vision transformer of timm with fresh weights, the same every time."""
    mend_torchvision()
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    return VisionTransformer(
        img_size=SIZE, patch_size=4, embed_dim=48, depth=2, num_heads=3, num_classes=CLASSES
    )


@cache
def trained_network() -> nn.Module:
    """One that tells the classes apart, as a user's module."""
    torch.manual_seed(0)
    return _trained(ResidualNetwork(), 5e-3, 5)


@cache
def trained_transformer() -> nn.Module:
    """A transformer that does."""
    return _trained(small_transformer(), 2e-3, 8)


def _trained(network: nn.Module, rate: float, epochs: int) -> nn.Module:
    images, classes = planted_images(210, 0)
    truth = torch.from_numpy(classes)
    optimiser = torch.optim.AdamW(network.parameters(), rate)
    for _ in range(epochs):
        for own in torch.randperm(len(images)).split(30):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images[own]), truth[own]).backward()
            optimiser.step()
    return network.eval().requires_grad_(False)
