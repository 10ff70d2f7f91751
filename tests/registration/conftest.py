"""A head, and the same head moved in a known way on a grid of another kind."""

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, Labels, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.kernels.backend import threads
from regkit.kernels.smoothing import gaussian
from regkit.registration.config import FieldConfig, LinearConfig, RegisterConfig
from regkit.registration.pair import pair_of
from regkit.registration.prepared import PreparedImage
from regkit.resample import warp


@pytest.fixture(autouse=True)
def one_thread():
    """For images this small the threads' own cost is most of the time."""
    with threads(1):
        yield


@pytest.fixture(scope="session")
def texture(head):
    """The head with the grain of real tissue, in and around it."""
    generator = torch.Generator().manual_seed(0)
    grain = gaussian(torch.randn(head.data.shape, generator=generator), 1.2)
    return head.with_data(head.data + 40 * grain)


@pytest.fixture(scope="session")
def moving_grid(grid):
    """Oblique, anisotropic and left-handed too, in another way; wider than the head's grid."""
    linear = rotation([-0.1, 0.25, 0.1]) @ np.diag([1.5, 1.4, -1.2])
    shape = (36, 34, 40)
    middle = linear @ ((np.array(shape) - 1) / 2)
    return Grid(shape, homogeneous(linear, grid.centre - middle + [1.0, 2.0, -1.0]))


@pytest.fixture(scope="session")
def move(head, moving_grid):
    """Call with a truth, fixed to moving, to get the moving head."""

    def moved(truth, onto=moving_grid, image=head):
        image = warp(image, truth.inverse(), onto=onto)
        return Volume(image.data, onto, "moving.nii.gz")

    return moved


@pytest.fixture(scope="session")
def body(parts):
    """World points inside the head, ``(N, 3)``."""
    return parts.grid.world_points()[parts.data[0] > 0]


@pytest.fixture(scope="session")
def error(body):
    """Mean distance in mm between two transforms inside the head."""
    return lambda found, truth: float((found(body) - truth(body)).norm(dim=-1).mean())


@pytest.fixture(scope="session")
def turn(grid):
    """A rigid motion by 16 degrees and 5 mm."""
    linear = rotation([0.15, -0.1, 0.2])
    return Affine(homogeneous(np.eye(3), [3.0, -2.0, 3.5]) @ about(grid.centre, linear))


@pytest.fixture(scope="session")
def stretch(grid, turn):
    """The turn after stretches and shears of up to 10 %."""
    linear = np.array([[1.08, 0.03, 0.0], [0.0, 0.94, 0.04], [0.02, 0.0, 1.1]])
    return Affine(turn.matrix @ about(grid.centre, linear))


@pytest.fixture(scope="session")
def bent(move, bend):
    """The head through ``bend``."""
    return move(bend)


@pytest.fixture(scope="session")
def quick():
    """A configuration that does not depend on the presets, for images as small as these."""
    return RegisterConfig(
        init="header",
        similarity="mse",
        # A millimetre is a quarter of a voxel here: these bodies have few.
        linear=LinearConfig(spacings=(16.0, 8.0), polish=(4.0,), iterations=60),
        field=FieldConfig(factors=(2, 1), iterations=(40, 20), max_step=8.0, symmetric_above=100.0),
    )


@pytest.fixture(scope="session")
def paired():
    """Call to prepare a pair as the pipeline does."""

    def prepared(fixed, moving, **masks):
        return pair_of(
            PreparedImage(fixed, masks.get("fixed_mask")),
            PreparedImage(moving, masks.get("moving_mask")),
            multiple=2,
            max_voxels=10**6,
            device=torch.device("cpu"),
        )

    return prepared


@pytest.fixture(scope="session")
def plane():
    """A 2-D head: oblique, anisotropic, left-handed."""
    linear = rotation([0.3]) @ np.diag([-1.0, 1.4])
    grid = Grid((48, 36), homogeneous(linear, [20.0, -30.0]))
    points = grid.world_points() - torch.from_numpy(grid.centre)
    image = 40 * torch.exp(-((points / torch.tensor([14.0, 17.0])).square().sum(-1) ** 2))
    for x, y, width, height in ((6, 4, 3, 45), (-6, 6, 3, 60), (1, -7, 4, -30)):
        away = (points - torch.tensor([x, y])).square().sum(-1)
        image += height * torch.exp(-away / (2 * width**2))
    grain = gaussian(torch.randn(1, *grid.shape, generator=torch.Generator().manual_seed(0)), 1.5)
    return Volume(image.float() + 40 * grain[0], grid, "plane.nii.gz")


@pytest.fixture(scope="session")
def whole(head):
    """A mask of everything on the grid of ``head``."""
    return Labels(torch.ones(head.grid.shape, dtype=torch.uint8), head.grid, "whole.nii.gz")
