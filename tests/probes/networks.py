"""Networks that tests name as module=tests.probes.networks:..."""

import torch
from torch import nn


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
