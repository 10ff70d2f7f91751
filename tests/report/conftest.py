import numpy as np
import pytest
import torch

from regkit import Affine, DisplacementField, Grid, RegisterConfig, Volume, compose, warp
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.metrics import summarise
from regkit.registration.quality import Quality, QualityCheck
from regkit.registration.result import EngineStage, Level, Result
from tests.report.browser import CHROMIUM, Browser


def make_result(fixed, moving, phi, **changes):
    """A result around a transform; its stages are invented."""
    metrics, jacobian = summarise(phi, phi.inverse(), fixed.grid, moving_grid=moving.grid)
    ndim = fixed.ndim
    coarse = Level((8.0,) * ndim, (4,) * ndim, (-0.1, -0.3, -0.4), False)
    fine = Level((4.0,) * ndim, (8,) * ndim, (-0.35, -0.42), False)
    parts = {
        "fixed": fixed,
        "moving": moving,
        "warped": warp(moving, phi, onto=fixed.grid),
        "transform": phi,
        "inverse": phi.inverse(),
        "jacobian": jacobian,
        "metrics": metrics,
        "stages": (
            EngineStage("init", "mi", "compiled", 0.2, (), "centres of mass"),
            EngineStage("field", "lncc", "compiled", 3.5, (coarse, fine)),
        ),
        "config": RegisterConfig(similarity="lncc", device="cpu"),
        "reason": "both are of one contrast",
        "quality": Quality(
            (
                QualityCheck("folding", -1.0, 0.0, "The map does not fold."),
                QualityCheck("drift", 0.5, 0.03, "It drifts."),
            )
        ),
    }
    return Result(**(parts | changes))


@pytest.fixture(scope="session", name="make_result")
def make_result_fixture():
    """:func:`make_result`, for tests with images of their own."""
    return make_result


@pytest.fixture(scope="session")
def result(head, bend):
    """A bent and turned head, stored in another orientation."""
    turn = Affine(about(head.grid.centre, rotation([0.0, 0.1, 0.1])))
    moving = head.reoriented("PIR")
    return make_result(head, Volume(moving.data, moving.grid, "visit2.nii.gz"), compose(turn, bend))


@pytest.fixture(scope="session")
def flat_result():
    """A 2-D pair on an oblique anisotropic grid."""
    grid = Grid((30, 22), homogeneous(rotation([0.2]) @ np.diag([-1.0, 1.6]), [4.0, 5.0]))
    x, y = (grid.world_points() - torch.from_numpy(grid.centre)).unbind(-1)
    image = Volume(100 * torch.exp(-(x**2 / 60 + y**2 / 120)).float(), grid, "tile.tif")
    u = torch.stack([torch.sin(y / 5), torch.cos(x / 6)]).float()
    return make_result(image, image, DisplacementField(u, grid))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A function that starts a headless browser; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    return lambda *flags: Browser(tmp_path_factory.mktemp("profile"), *flags)
