from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from regkit import Affine, DisplacementField, Grid, Volume
from regkit.metrics import jacobian
from regkit.report.deformation import deformed_grid, grid_step, jacobian_map
from regkit.report.display import display_range, otsu, tissue_levels
from regkit.report.figures import overlay
from regkit.report.scene import scene


def pixels(picture):
    return imread(BytesIO(picture.png))[..., :3]


def test_equal_images_overlay_in_grey(head):
    cuts = scene(head, head, head)
    image = pixels(overlay(cuts, cuts.after, "alt"))
    assert np.abs(image[..., 0] - image[..., 1]).max() < 0.02


def test_fixed_alone_is_magenta_and_moving_alone_green(head):
    cuts = scene(head, head, head)
    nothing = [np.zeros_like(image) for image in cuts.fixed]
    image = pixels(overlay(cuts, nothing, "alt"))
    assert image[..., 0].max() > 0.9
    # Only the white letters, against their magenta surroundings, have any green.
    assert (image[..., 1] > 0.5).mean() < 0.01


@pytest.mark.parametrize("folds", [True, False])
def test_folded_voxels_are_marked_yellow(head, folds):
    data = torch.full(head.grid.shape, -1.0 if folds else 1.0)
    image = pixels(jacobian_map(scene(head, head, head), Volume(data, head.grid), "alt"))
    yellow = (image[..., 0] > 0.95) & (image[..., 1] > 0.8) & (image[..., 2] < 0.1)
    assert yellow.any() == folds


def test_a_real_fold_is_marked():
    grid = Grid((20, 20, 20), np.eye(4))
    u = torch.zeros(3, 20, 20, 20)
    u[0, 10:] = -4
    image = Volume(torch.rand(20, 20, 20, generator=torch.Generator().manual_seed(0)), grid)
    found = jacobian(DisplacementField(u, grid), grid)
    marks = pixels(jacobian_map(scene(image, image, image), found, "alt"))
    assert ((marks[..., 0] > 0.95) & (marks[..., 1] > 0.8) & (marks[..., 2] < 0.1)).any()


def test_an_affine_leaves_the_grid_straight(head):
    turned = Affine(np.diag([1.2, 0.9, 1.0, 1.0]))
    cuts = scene(head, head, head)
    same = deformed_grid(cuts, Affine.identity(), head.grid, "alt")
    assert np.abs(pixels(deformed_grid(cuts, turned, head.grid, "alt")) - pixels(same)).max() < 0.05


def test_grid_lines_are_a_round_number_apart(head):
    assert grid_step(scene(head, head, head).planes) in (1, 2, 5)


def test_display_range_ignores_an_empty_background():
    grid = Grid((40, 40), np.eye(3))
    data = torch.zeros(40, 40)
    data[:3, :3] = torch.linspace(50, 100, 9).reshape(3, 3)
    low, high = display_range(Volume(data, grid))
    assert low == 0
    assert high > 95
    assert display_range(Volume(torch.full((40, 40), 7.0), grid)) == (7, 8)
    assert display_range(Volume(torch.full((40, 40), torch.nan), grid)) == (0, 1)


def test_levels_separate_classes():
    grid = Grid((30, 30), np.eye(3))
    data = torch.zeros(30, 30)
    data[5:25, 5:25], data[10:20, 10:20] = 50, 90
    outline, inner = tissue_levels(Volume(data, grid))
    assert 0 < outline < 50 < inner < 90
    assert 1 < otsu(np.array([1, 1, 9, 9], dtype=np.float32)) < 9
