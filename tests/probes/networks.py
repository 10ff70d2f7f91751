"""Networks that tests name as module=tests.probes.networks:..."""

import torch
from torch import nn

from regkit.transforms import Affine


def small_net():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1))
    network.ndim, network.multiple = 2, 2
    return network


def small_encoder():
    """Three convolutions with batch normalisation, whose width can be cut."""
    layers, before = [], 1
    for after, stride in ((16, 1), (32, 2), (32, 2)):
        layers += [nn.Conv2d(before, after, 3, stride, 1), nn.BatchNorm2d(after), nn.ReLU()]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class _Bright(nn.Module):
    """A segmenter of what is brighter than 0.3."""

    def forward(self, images):
        return torch.cat([torch.zeros_like(images), images - 0.3], 1)


def bright_segmenter():
    return _Bright()


def no_registration():
    return lambda fixed, moving: Affine.identity(fixed.grid.ndim)


def brighter_band():
    """Which of the first two bands is brighter."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[1.0, -1, 0, 0], [-1, 1, 0, 0]]))
    return network
