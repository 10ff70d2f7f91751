"""What most tests start from: an oblique, anisotropic, left-handed image and a smooth bend."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regkit import Affine, DisplacementField, Grid, Labels, Volume
from regkit.geometry.affines import about, homogeneous, rotation

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def grid() -> Grid:
    """24 x 28 x 20 voxels, none of whose axes lies along a world axis; stored nearest LAS."""
    linear = rotation([0.2, -0.15, 0.3]) @ np.diag([-1.3, 1.1, 1.9])
    return Grid((24, 28, 20), homogeneous(linear, [21.0, -13.5, 4.25]))


@pytest.fixture(scope="session")
def head(grid) -> Volume:
    """A smooth ellipsoid with blobs in it, 0 to about 100, vanishing towards the border."""
    return Volume(structure(grid).to(torch.float32), grid, "head.nii.gz")


@pytest.fixture(scope="session")
def motions(grid) -> list[Affine]:
    """How the head lies in each frame of ``moved_heads``: up to 2 mm and 6 degrees, first not."""
    steps = np.random.default_rng(3).uniform(-1, 1, (6, 6)) * ([1.2] * 3 + [0.1] * 3)
    steps[0] = 0
    turns = [about(grid.centre, rotation(list(step[3:]))) for step in steps]
    return [
        Affine(homogeneous(np.eye(3), step[:3]) @ turn)
        for step, turn in zip(steps, turns, strict=True)
    ]


@pytest.fixture(scope="session")
def moved_heads(grid, motions) -> list[Volume]:
    """A series: ``head`` in motion, brighter from frame to frame, with noise."""
    drawn = torch.Generator().manual_seed(1)
    return [
        Volume(
            (1 + 0.1 * number) * (structure(grid, each) + torch.randn(grid.shape, generator=drawn)),
            grid,
        )
        for number, each in enumerate(motions)
    ]


@pytest.fixture(scope="session")
def parts(head) -> Labels:
    """Labels of ``head``: 1, 2 and 5."""
    data = head.data[0]
    values = (data > 20).int() + (data > 45).int() + 3 * (data > 70).int()
    return Labels(values.to(torch.uint8), head.grid, "parts.nii.gz")


@pytest.fixture(scope="session")
def bend(grid) -> DisplacementField:
    """Up to about 2 mm on a grid of its own, other and wider than ``head``; no folding."""
    carrier = grid.window((-4, -4, -4), (32, 36, 28)).with_spacing(1.5)
    points = (carrier.world_points() - torch.from_numpy(grid.centre)) / 9
    x, y, z = points.unbind(-1)
    fade = torch.exp(-points.square().sum(-1) / 2)
    u = 2 * torch.stack([torch.sin(y) * fade, torch.cos(z) * fade, torch.sin(x + y) * fade])
    return DisplacementField(u, carrier)


@pytest.fixture(scope="session")
def generator() -> torch.Generator:
    """Randomness, the same in every run."""
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images."""
    folder = Path(os.environ.get("REGKIT_DATA") or ROOT / ".." / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("real images are not here; REGKIT_DATA names their folder")
    return folder


@pytest.fixture(scope="session")
def spread() -> Callable[[Any], Any]:
    """Give a network weights that move things: the last convolution of a new one is zero."""

    def made(network: Any) -> Any:
        drawn = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if "lastConv" in name:
                    value.copy_(0.02 * torch.randn(value.shape, generator=drawn))
        return network.eval()

    return made


def structure(grid: Grid, motion: Affine | None = None) -> torch.Tensor:
    """What ``head`` holds, as a formula of the world around the centre of ``grid``.

    With a ``motion``, the head has moved by it.
    """
    seen = grid.world_points() if motion is None else motion.inverse()(grid.world_points())
    points = seen - torch.from_numpy(grid.centre)
    body = torch.exp(-((points / torch.tensor([9.0, 10.0, 11.0])).square().sum(-1) ** 2))
    out = 40 * body
    for centre, width, height in (
        ([4.0, 2.0, -3.0], 3.0, 45.0),
        ([-5.0, 3.0, 4.0], 2.5, 60.0),
        ([0.0, -5.0, 2.0], 4.0, -30.0),
    ):
        out = out + height * body * _blob(points, centre, width)
    return out


def _blob(points: torch.Tensor, centre: list[float], width: float) -> torch.Tensor:
    away = points - torch.tensor(centre, dtype=points.dtype)
    return torch.exp(-away.square().sum(-1) / (2 * width**2))
