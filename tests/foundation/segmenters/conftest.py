"""An oblique, anisotropic, left-handed image with one bright body, and prompts of it."""

import numpy as np
import pytest
import torch

from foundation.prompts import Box, PointPrompt, Prompts
from regkit import Grid, Volume
from regkit.geometry.affines import homogeneous, rotation
from regkit.volume import Points


@pytest.fixture(scope="session")
def tilted():
    """36 x 40 x 20 voxels of 1.4 x 1.2 x 2.5 mm, left-handed."""
    linear = rotation([0.2, -0.15, 0.3]) @ torch.diag(torch.tensor([-1.4, 1.2, 2.5])).numpy()
    return Grid((36, 40, 20), homogeneous(linear, [21.0, -13.5, 4.25]))


@pytest.fixture(scope="session")
def centre(tilted):
    return np.add(tilted.centre, [3.0, -2.0, 1.0])


@pytest.fixture(scope="session")
def body(tilted, centre):
    """The truth: an ellipsoid of 9 x 7 x 8 mm."""
    away = (tilted.world_points() - torch.from_numpy(centre)) / torch.tensor([9.0, 7.0, 8.0])
    return Volume((away.square().sum(-1) <= 1)[None].float(), tilted, "mask")


@pytest.fixture(scope="session")
def scan(body):
    noise = torch.randn(body.data.shape, generator=torch.Generator().manual_seed(3))
    return Volume(20 + 60 * body.data + 3 * noise, body.grid, "scan.nii.gz")


@pytest.fixture(scope="session")
def prompts(body, centre):
    """One of each kind, all of the same body."""
    reach = np.array([9.0, 7.0, 8.0])
    low, high = centre - reach, centre + reach
    return {
        "mask": Prompts(mask=body),
        "points": Prompts(points=PointPrompt(Points(torch.from_numpy(centre)[None]))),
        "box": Prompts(boxes=(Box(tuple(low), tuple(high)),)),
        "none": Prompts(),
    }


def dice(one, two):
    one, two = one > 0.5, two > 0.5
    return 2 * float((one & two).sum()) / max(float(one.sum() + two.sum()), 1.0)
