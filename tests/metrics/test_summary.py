import numpy as np
import pytest
import torch

from regkit import Affine, compose
from regkit.geometry.affines import homogeneous, rotation
from regkit.metrics import folding, jacobian, summarise
from regkit.metrics.affine_part import affine_part


def test_every_metric_of_a_bend(grid, bend, parts):
    metrics, determinant = summarise(bend, bend.inverse(), grid, bend.grid, parts, moving_grid=grid)
    assert set(metrics) == {
        "folding",
        "folding_working",
        "log_jacobian_sd",
        "inverse_consistency_mean",
        "inverse_consistency_p95",
        "displacement_mean",
        "displacement_p95",
    }
    assert metrics["folding"] == metrics["folding_working"] == 0
    assert 0 < metrics["inverse_consistency_mean"] < metrics["inverse_consistency_p95"] < 0.1
    assert 0 < metrics["displacement_mean"] < metrics["displacement_p95"] < 4
    assert torch.equal(determinant.data, jacobian(bend, grid).data)
    assert folding(determinant) == 0


def test_a_shift(grid):
    shift = Affine(homogeneous(np.eye(3), [3.0, 0.0, 4.0]))
    metrics, _ = summarise(shift, shift.inverse(), grid)
    assert metrics["displacement_mean"] == pytest.approx(5)
    assert metrics["displacement_p95"] == pytest.approx(5)
    assert "folding_working" not in metrics


def test_images_that_do_not_meet_have_no_inverse_consistency(grid):
    away = Affine(homogeneous(np.eye(3), [999.0, 0.0, 0.0]))
    metrics, _ = summarise(away, away.inverse(), grid, moving_grid=grid)
    assert "inverse_consistency_mean" not in metrics


def test_the_affine_part_of_a_bent_affine(grid, bend):
    turn = Affine(homogeneous(1.1 * rotation([0.1, 0.2, -0.3]), [4.0, 5.0, 6.0]))
    assert affine_part(turn, grid) is turn
    exact = affine_part(compose(turn, Affine.identity()), grid).matrix
    assert np.allclose(exact, turn.matrix)
    fitted = affine_part(compose(turn, bend), grid).matrix
    assert np.allclose(fitted[:3, :3], turn.matrix[:3, :3], atol=0.1)
