"""2-D pairs, end to end."""

import numpy as np
import pytest
import torch

from regkit import Affine, DisplacementField, Grid, Labels, compose
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.registration.pipeline import register
from regkit.resample import warp


@pytest.fixture(scope="module")
def onto(plane):
    """Another oblique, anisotropic grid, wider than the plane's."""
    linear = rotation([-0.2]) @ np.diag([1.3, 1.1])
    shape = (56, 62)
    return Grid(shape, homogeneous(linear, plane.grid.centre - linear @ (np.array(shape) / 2)))


@pytest.fixture(scope="module")
def turn(plane):
    linear = rotation([0.25])
    return Affine(homogeneous(np.eye(2), [3.0, -2.0]) @ about(plane.grid.centre, linear))


@pytest.fixture(scope="module")
def bend(plane):
    carrier = plane.grid.window((-6, -6), (60, 48))
    points = (carrier.world_points() - torch.from_numpy(plane.grid.centre)) / 12
    x, y = points.unbind(-1)
    fade = torch.exp(-points.square().sum(-1) / 2)
    return DisplacementField(3 * torch.stack([torch.sin(y) * fade, torch.cos(x) * fade]), carrier)


@pytest.fixture(scope="module")
def distance(plane):
    """Mean distance of two transforms where the plane is bright."""
    points = plane.grid.world_points()[plane.data[0] > 20]
    return lambda found, truth: float((found(points) - truth(points)).norm(dim=-1).mean())


@pytest.mark.parametrize("init", ["header", "auto", "moments"])
def test_a_rigid_motion_is_found(plane, onto, turn, distance, quick, init):
    moving = warp(plane, turn.inverse(), onto=onto)
    result = register(plane, moving, config=quick, transform="rigid", init=init)
    linear = result.transform.matrix[:2, :2]
    np.testing.assert_allclose(linear @ linear.T, np.eye(2), atol=1e-9)
    assert distance(Affine.identity(2), turn) > 3
    assert distance(result.transform, turn) < 0.2


def test_an_affine_motion_is_found(plane, onto, turn, distance, quick):
    stretch = np.array([[1.1, 0.04], [-0.03, 0.92]])
    truth = Affine(turn.matrix @ about(plane.grid.centre, stretch))
    moving = warp(plane, truth.inverse(), onto=onto)
    result = register(plane, moving, config=quick, transform="affine")
    assert distance(result.transform, truth) < 0.25


def test_half_a_turn_apart_is_searched(plane, onto, distance, quick):
    truth = Affine(
        homogeneous(np.eye(2), [200.0, -90.0]) @ about(plane.grid.centre, rotation([np.pi / 3]))
    )
    far = Grid(onto.shape, truth.matrix @ onto.affine)
    still = warp(plane, Affine.identity(2), onto=onto)
    moving = type(still)(still.data, far)
    result = register(plane, moving, config=quick, transform="rigid", init="auto")
    assert distance(result.transform, truth) < 0.3


@pytest.mark.parametrize("similarity", ["mse", "lncc2", "mi", "mind"])
def test_a_warp_is_found(plane, onto, bend, distance, quick, similarity):
    same_axes = plane.grid.window((-6, -6), (60, 48))
    moving = warp(plane, bend.inverse(), onto=same_axes if similarity == "mind" else onto)
    result = register(plane, moving, config=quick, similarity=similarity)
    assert distance(result.transform, bend) < 0.6 * distance(Affine.identity(2), bend)
    assert result.transform.ndim == result.inverse.ndim == 2
    assert result.warped.grid == plane.grid
    assert result.jacobian.data.min() > 0
    assert result.metrics["inverse_consistency_p95"] < 0.2
    assert distance(compose(result.inverse, result.transform), Affine.identity(2)) < 0.1


def test_masks_and_initial_transforms_work_in_the_plane(plane, onto, turn, bend, distance, quick):
    truth = compose(turn, bend)
    moving = warp(plane, truth.inverse(), onto=onto)
    mask = Labels((plane.data > 5).to(torch.uint8), plane.grid)
    rough = compose(turn, DisplacementField(0.5 * bend.u, bend.grid))
    result = register(plane, moving, config=quick, fixed_mask=mask, initial=rough)
    assert distance(result.transform, truth) < distance(rough, truth)
    np.testing.assert_allclose(result.transform.links[0].matrix, turn.matrix)


def test_the_references_do_what_the_loops_do(plane, onto, bend, distance, quick, monkeypatch):
    moving = warp(plane, bend.inverse(), onto=onto)
    loops = register(plane, moving, config=quick)
    monkeypatch.setenv("REGKIT_KERNELS", "torch")
    torches = register(plane, moving, config=quick)
    assert distance(loops.transform, torches.transform) < 0.2
