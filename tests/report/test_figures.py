import base64
import re
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from regkit import Affine, DisplacementField, Grid, Volume
from regkit.metrics import jacobian
from regkit.preprocess.foreground import otsu
from regkit.report.canvas import MAP, strip
from regkit.report.display import display_range, tissue_levels
from regkit.report.figures import contours, differences, grey, overlay
from regkit.report.registration.deformation import deformed_grid, grid_step, jacobian_map
from regkit.report.scene import scene

_YELLOW = "#ffe000"


def pixels(picture):
    """The slices of a picture, each ``(rows, columns, 3)``, in 0..1."""
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", picture.svg)
    shown = [Image.open(BytesIO(base64.b64decode(png))).convert("RGB") for png in found]
    return [np.asarray(each) / 255 for each in shown]


def isolines(picture):
    """Positions ``(N, 2)`` along every line of a picture, in points from its top left corner."""
    paths = re.findall(r'd="([^"]+)"[^>]* style="fill:none;stroke:#', picture.svg)
    lines = [line for path in paths for line in path.split("M") if line.strip()]
    return [np.array(re.findall(r"-?[\d.]+", line), float).reshape(-1, 2) for line in lines]


def test_slices_keep_their_own_resolution(head):
    cuts = scene(head, head, head)
    shapes = [image.shape[:2] for image in pixels(grey(cuts.planes, cuts.fixed, "alt"))]
    assert shapes == [image.shape for image in cuts.fixed]


def test_slices_are_magnified_smoothly_and_all_is_as_short_as_can_be(head):
    cuts = scene(head, head, head)
    svg = contours(cuts, cuts.after, "alt").svg
    assert "<image" in svg
    assert "image-rendering" not in svg
    assert "metadata" not in svg
    assert not re.search(r" d=\"[^\"]*\.\d\d", svg)


def test_equal_figures_are_equal_bytes(head):
    cuts = scene(head, head, head)
    with ThreadPoolExecutor(4) as pool:
        found = {each.svg for each in pool.map(lambda _: jacobian_map(cuts, head, "a"), range(8))}
    assert len(found) == 1


def test_equal_images_overlay_in_grey(head):
    cuts = scene(head, head, head)
    for image in pixels(overlay(cuts, cuts.after, "alt")):
        assert np.array_equal(image[..., 0], image[..., 1])


def test_fixed_alone_is_magenta_and_moving_alone_green(head):
    cuts = scene(head, head, head)
    nothing = [np.zeros_like(image) for image in cuts.fixed]
    for image in pixels(overlay(cuts, nothing, "alt")):
        assert image[..., 0].max() > 0.9
        assert np.array_equal(image[..., 0], image[..., 2])
        assert image[..., 1].max() == 0


def test_a_difference_is_red_where_moving_is_brighter(head):
    brighter = head.with_data(head.data.clone())
    brighter.data[..., : head.grid.shape[-1] // 2] *= 2
    cuts = scene(brighter, brighter, head)
    (before, *_), (after, *_) = map(pixels, differences(cuts, "alt", "alt"))
    assert np.ptp(before, axis=(0, 1)).max() == 0  # all white: they are the same
    assert not (after[..., 0] > after[..., 2] + 0.1).any()
    assert (after[..., 2] > after[..., 0] + 0.1).any()


@pytest.mark.parametrize("folds", [True, False])
def test_folded_voxels_are_marked_yellow(head, folds):
    data = torch.full(head.grid.shape, -1.0 if folds else 1.0)
    found = jacobian_map(scene(head, head, head), Volume(data, head.grid), "alt")
    assert (_YELLOW in found.svg) == folds


def test_a_real_fold_is_marked_where_it_is():
    grid = Grid((20, 20, 20), np.eye(4))
    u = torch.zeros(3, 20, 20, 20)
    u[0, 10:] = -4
    image = Volume(torch.rand(20, 20, 20, generator=torch.Generator().manual_seed(0)), grid)
    found = jacobian(DisplacementField(u, grid), grid)
    cuts = scene(image, image, image)
    drawn = jacobian_map(cuts, found, "alt")
    marks = re.findall(rf'x="([\d.]+)" y="[\d.]+"[^>]* style="fill:{_YELLOW}', drawn.svg)
    left, right = strip(cuts.planes, look=MAP).panels[0].extent[:2]
    column = (np.array(marks, float) + 1.9 - left) / (right - left) * 20
    column = column[column < 20]
    assert column.min() > 8
    assert column.max() < 11


def test_an_affine_leaves_the_grid_straight(head):
    turned = Affine(np.diag([1.2, 0.9, 1.0, 1.0]))
    found = isolines(deformed_grid(scene(head, head, head), turned, turned, "alt"))
    assert len(found) > 30
    assert all(np.ptp(line, axis=0).min() <= 0.1 for line in found)


def test_a_bend_does_not(head, bend):
    found = isolines(deformed_grid(scene(head, head, head), bend, Affine.identity(), "alt"))
    assert any(np.ptp(line, axis=0).min() > 2 for line in found)


def test_outlines_follow_the_edge():
    grid = Grid((40, 40), np.eye(3))
    x, y = (grid.world_points() - 19.5).unbind(-1)
    disc = Volume(100 * (x**2 + y**2 < 100).float(), grid)
    cuts = scene(disc, disc, disc)
    (left, right, *_) = strip(cuts.planes).panels[0].extent
    line = max(isolines(contours(cuts, cuts.after, "alt")), key=len)
    index = (line - [left, 0]) / (right - left) * 40 - 0.5
    assert np.hypot(*(index - 19.5).T) == pytest.approx(10, abs=0.6)


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
