"""What is known before the engines run: a start of another size, one image twice, labels."""

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, InputError, Labels, Volume
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.registration.label_place import checked_place, place_of
from regkit.registration.pipeline import register
from regkit.resample import warp


@pytest.mark.parametrize(("kind", "limit"), [("rigid", 0.4), ("affine", 0.4), ("deformable", 0.8)])
def test_a_start_may_scale(texture, moving_grid, quick, error, kind, limit):
    """One body three times as large as the other: the start says so, and is believed."""
    larger = Affine(np.diag([3.0, 3.0, 3.0, 1.0]))
    small = homogeneous(np.eye(3), [1.5, -1.0, 1.0]) @ about(
        texture.grid.centre, rotation([0.06, -0.05, 0.08])
    )
    truth = Affine(larger.matrix @ small)
    onto = Grid(moving_grid.shape, larger.matrix @ moving_grid.affine)
    moving = warp(texture, truth.inverse(), onto=onto)
    result = register(texture, moving, config=quick, transform=kind, initial=larger)
    assert error(larger, truth) > 6
    assert error(result.transform, truth) < 3 * limit


def test_one_image_twice_does_not_move(texture):
    again = texture.reoriented("PIR").with_data(texture.reoriented("PIR").data.double())
    result = register(texture, again)
    np.testing.assert_array_equal(result.transform.matrix, np.eye(4))
    assert "nothing has to move" in result.reason
    assert [stage.name for stage in result.stages] == ["identity", "output"]
    torch.testing.assert_close(result.warped.data, texture.data.double(), atol=1e-4, rtol=1e-4)
    assert result.metrics["displacement_mean"] == 0


def test_the_same_voxels_elsewhere_do_move(texture, quick, error):
    away = Affine(homogeneous(np.eye(3), [4.0, 0.0, 0.0]))
    moved = Volume(texture.data, Grid(texture.grid.shape, away.matrix @ texture.grid.affine))
    result = register(texture, moved, config=quick, transform="rigid")
    assert error(result.transform, away) < 0.2


def test_labels_of_their_own_image_pass(head, parts):
    assert checked_place(parts, head) is None
    assert checked_place(parts.window((8, 8, 6), (6, 6, 6)), head) is None  # around a structure
    assert checked_place(parts, head.window((0, 0, 8), (24, 28, 5))) is None  # of a slab
    assert checked_place(parts.with_data(0 * parts.data), head) is None


def test_labels_elsewhere_are_refused(head, parts):
    affine = homogeneous(np.eye(3), [60.0, 0.0, 0.0]) @ parts.grid.affine
    away = Labels(parts.data, Grid(parts.grid.shape, affine), "away.nii")
    with pytest.raises(InputError, match=r"^away\.nii: 0% of its labelled voxels lie in the field"):
        checked_place(away, head)


def test_labels_beside_the_body_are_noticed(grid):
    points = grid.world_points() - torch.from_numpy(grid.centre)
    apart = points[..., 0] < -8
    image = Volume(torch.where(points.norm(dim=-1) < 6, 100.0, 0.0).float(), grid, "ball.nii")
    labels = Labels(apart.to(torch.uint8), grid, "beside.nii")
    note = checked_place(labels, image)
    assert note.startswith("beside.nii: 100% of its labelled voxels lie in the field of view of")
    assert "make sure that they belong together" in note


def test_lungs_that_the_image_cuts_lie_in_the_body():
    grid = Grid((60, 50, 24), np.diag([5.0, 5.0, 8.0, 1.0]))
    x, y, _ = (grid.world_points() - torch.from_numpy(grid.centre)).unbind(-1)
    body = (x / 120) ** 2 + (y / 90) ** 2 < 1
    lungs = ((x.abs() - 50) / 35) ** 2 + (y / 55) ** 2 < 1
    image = Volume(torch.where(body & ~lungs, 100.0, 0.0).float(), grid, "chest.nii")
    labels = Labels(lungs.to(torch.uint8), grid, "lobes.nii")
    assert place_of(labels, image).body > 0.95


def test_real_labels_are_told_from_those_of_another_body(data):
    import regkit as rk

    lobes = rk.read_labels(data / "chest_mr" / "0004_lobes.nii.gz")
    assert checked_place(lobes, rk.read(data / "chest_mr" / "0004_mr.nii.gz")) is None
    note = checked_place(lobes, rk.read(data / "brain_t1" / "a_t1.nii.gz"))
    assert "of those in the body that it shows" in note
