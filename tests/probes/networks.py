"""Networks that tests name as module=tests.probes.networks:..."""

import torch
from torch import nn


def small_net():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1))
    network.ndim, network.multiple = 2, 2
    return network
