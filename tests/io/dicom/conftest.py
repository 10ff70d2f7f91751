"""What the tests of DICOM start from: ``head`` as a scanner stores it, in whole numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regkit import Grid, Volume
from regkit.geometry.affines import homogeneous, rotation
from tests.conftest import structure


def phantom(linear, shape=(18, 14, 9), origin=(20.0, -13.5, 4.25)):
    """The blobs of ``head`` in int16 on a grid with these columns."""
    grid = Grid(shape, homogeneous(linear, origin))
    data = (structure(grid) * 10 - 100).round().to(torch.int16)
    return Volume(data, grid, "phantom")


SPACING = np.diag([1.1, 1.4, 2.5])
# In RAS: columns to the left, rows to the back, as a supine patient is shown.
AXIAL = np.diag([-1.0, -1, 1]) @ SPACING
VIEWS = {
    "axial": AXIAL,
    "coronal": np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) @ SPACING,
    "sagittal": np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]) @ SPACING,
    "oblique": rotation([0.2, -0.15, 0.3]) @ AXIAL,
    "left-handed": rotation([0.2, -0.15, 0.3]) @ AXIAL @ np.diag([1.0, 1, -1]),
    "feet first": np.diag([1.0, -1, -1]) @ AXIAL,
}


@pytest.fixture
def scan() -> Volume:
    """Oblique, anisotropic and left-handed."""
    return phantom(VIEWS["left-handed"])
