"""Where an image has data, and what becomes of that."""

import numpy as np
import pytest
import torch

from regkit import Affine, Grid, InputError, Labels, Volume, warp
from regkit.geometry.affines import about, homogeneous, rotation
from regkit.resample import resample, straighten, values_at

PADDING = -3024


@pytest.fixture(scope="module")
def circle(grid):
    """A flat image of 100 in a cylinder, with -3024 around it, as CT has it."""
    points = grid.world_points() - torch.from_numpy(grid.centre)
    inside = points[..., :2].norm(dim=-1) < 11
    data = torch.where(inside, 100, PADDING).to(torch.int16)
    return Volume(data, grid, "ct.nii.gz").with_padding(PADDING)


@pytest.fixture(scope="module")
def turn(grid):
    return Affine(
        homogeneous(np.eye(3), [2.3, -1.7, 0.9]) @ about(grid.centre, rotation([0.1, 0.2, 0.1]))
    )


def test_an_image_has_data_everywhere_if_nothing_is_said(head):
    assert head.valid is None
    assert warp(head, Affine.identity(), onto=head.grid.with_spacing(2)).valid is None


def test_padding_is_no_data(circle):
    assert torch.equal(circle.valid, circle.data[0] == 100)
    again = circle.with_padding(100)
    assert not again.valid.any()


def test_padding_may_be_nan(head):
    data = head.data.clone()
    data[0, 3] = torch.nan
    assert torch.equal(head.with_data(data).with_padding(float("nan")).valid, ~data[0].isnan())


def test_of_many_channels_all_must_be_padding():
    data = torch.tensor([[[0, 0, 1]], [[0, 2, 0]]])
    assert Volume(data, np.eye(3)).with_padding(0).valid.tolist() == [[False, True, True]]


def test_nan_in_any_channel_is_no_data():
    data = torch.tensor([[[torch.nan, 1.0, 2.0]], [[4.0, torch.inf, 5.0]]])
    found = Volume(data, np.eye(3)).without_nan(-1)
    assert found.valid.tolist() == [[False, False, True]]
    assert found.data.tolist() == [[[-1, 1, 2]], [[4, -1, 5]]]
    whole = Volume(torch.ones(1, 2, 2, dtype=torch.int16), np.eye(3))
    assert whole.without_nan() is whole
    with pytest.raises(InputError, match=r"1e\+39, the value outside, does not fit"):
        Volume(torch.ones(2, 2), np.eye(3)).without_nan(1e39)


def test_it_must_fit_the_grid(head):
    with pytest.raises(InputError, match=r"head: valid has shape \(2, 2\); it must be that of"):
        Volume(head.data, head.grid, "head", np.ones((2, 2)))
    assert Volume(head.data, head.grid, "head", np.ones(head.shape)).valid.dtype is torch.bool


@pytest.mark.parametrize("codes", ["RAS", "PSL", "LAS"])
def test_it_is_reoriented_with_the_voxels(circle, codes):
    turned = circle.reoriented(codes)
    assert torch.equal(turned.valid, turned.data[0] == 100)


def test_it_is_cut_and_padded_with_the_voxels(circle):
    part = circle.window((-3, 4, 5), (20, 30, 9), fill=100)
    assert not part.valid[:3].any()
    assert torch.equal(part.valid[3:, :24], circle.valid[:17, 4:, 5:14])
    assert torch.equal(circle.with_data(circle.data + 1).valid, circle.valid)


def test_what_has_no_data_does_not_bleed_into_its_neighbours(circle, turn):
    ways = {
        "warp": warp(circle, turn, onto=circle.grid, outside=-1000),
        "coarse": resample(circle, circle.grid.with_spacing(4.0), outside=-1000),
        "fine": resample(circle, circle.grid.with_spacing(0.9), outside=-1000),
    }
    for way, out in ways.items():
        assert set(out.data.unique().tolist()) == {100, -1000}, way
        assert torch.equal(out.valid, out.data[0] == 100), way
        share = out.valid.double().sum() * out.grid.voxel_volume
        assert share == pytest.approx(
            float(circle.valid.sum()) * circle.grid.voxel_volume, rel=0.12
        ), way


def test_without_the_word_it_bleeds(circle, turn):
    plain = Volume(circle.data, circle.grid)
    assert len(warp(plain, turn, onto=plain.grid).data.unique()) > 10


def test_a_ramp_with_holes_stays_a_ramp(grid):
    points = grid.world_points()
    data = (points[..., 0] + 2 * points[..., 2]).float()
    holes = torch.rand(grid.shape, generator=torch.Generator().manual_seed(0)) < 0.02
    holed = Volume(torch.where(holes, 1e6, data), grid, "ramp", ~holes)
    shift = Affine(homogeneous(np.eye(3), [0.4, 0.1, 0.2]))
    out = warp(holed, shift, onto=grid)
    exact = shift(points)
    error = (out.data[0] - (exact[..., 0] + 2 * exact[..., 2]))[out.valid].abs()
    assert error.max() < 4
    assert error.mean() < 0.1


def test_nan_behind_the_mask_never_shows(head, turn):
    data = head.data.clone()
    data[0, 5:9] = torch.nan
    holed = Volume(data, head.grid, valid=~data[0].isnan())
    assert warp(holed, turn, onto=head.grid).data.isfinite().all()
    assert resample(holed, head.grid.with_spacing(3)).data.isfinite().all()
    assert values_at(holed, head.grid.world_points(), outside=7)[0, 6].unique().tolist() == [7]


def test_labels_know_it_too(parts, turn):
    known = parts.data[0] != 2
    labels = Labels(parts.data, parts.grid, "parts", known)
    out = warp(labels, turn, onto=parts.grid, outside=9)
    assert isinstance(out, Labels)
    assert set(out.values) == {1, 5, 9}
    assert torch.equal(out.valid, out.data[0] != 9)


def test_voxels_that_fall_on_voxels_keep_it(circle):
    step = Affine(homogeneous(np.eye(3), circle.affine[:3, 0]))
    out = warp(circle, step, onto=circle.grid, outside=-1000)
    assert torch.equal(out.valid[:-1], circle.valid[1:])
    assert not out.valid[-1].any()


def test_sheared_and_planar_images_keep_it():
    tilted = Grid((6, 6), [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    image = Volume(torch.ones(6, 6), tilted, valid=torch.ones(6, 6, dtype=torch.bool))
    straight = straighten(image, outside=-5)
    assert torch.equal(straight.valid, straight.data[0] == 1)
    assert not straight.valid.all()


def test_float64_is_normalised_in_float64(grid):
    data = torch.full((1, *grid.shape), 1e9 + 0.25, dtype=torch.float64)
    valid = torch.ones(grid.shape, dtype=torch.bool)
    valid[4] = False
    out = warp(Volume(data, grid, valid=valid), Affine.identity(), onto=grid.with_spacing(1.7))
    known = out.data[0][out.valid]
    torch.testing.assert_close(known, torch.full_like(known, 1e9 + 0.25), rtol=1e-13, atol=0)
