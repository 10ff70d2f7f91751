"""Voxels without data count for nothing in a registration."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, InputError, Volume
from regkit.geometry.affines import homogeneous
from regkit.preprocess.intensity import normalise
from regkit.registration.check import check_pair
from regkit.registration.pair import pair_of
from regkit.registration.prepared import PreparedImage

SHIFT = Affine(homogeneous(np.eye(3), [3.0, -2.0, 1.0]))


def paired_up(fixed, moving, fixed_mask=None):
    return pair_of(
        PreparedImage(fixed, fixed_mask, "mr"),
        PreparedImage(moving, None, "mr"),
        multiple=2,
        max_voxels=10**6,
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def holed(head):
    """A third of the image is padding, far brighter than anything in it."""
    data, known = head.data.clone(), torch.ones(head.shape, dtype=torch.bool)
    known[:8] = False
    data[:, ~known] = 5000
    return Volume(data, head.grid, "holed.nii.gz").with_padding(5000)


def test_intensities_are_scaled_by_voxels_with_data(head, holed):
    plain, found = normalise(head, "mr"), normalise(holed, "mr")
    assert (found.data[:, ~holed.valid] == 0).all()
    assert (found.data - plain.data)[:, holed.valid].abs().max() < 0.06


def test_only_voxels_with_data_count(head, holed):
    pair = paired_up(holed, head)
    assert not (pair.region.data[0].bool() & ~pair.fixed.valid).any()
    assert not (pair.scope.data[0].bool() & ~pair.fixed.valid).any()
    assert torch.equal(pair.fixed_region.data[0].bool(), pair.fixed.valid)
    assert pair.moving_region is None
    other = paired_up(head, holed)
    assert torch.equal(other.moving_region.data[0].bool(), other.moving.valid)
    assert not (other.moving_body.data[0].bool() & ~other.moving.valid).any()


def test_a_mask_counts_where_there_is_data(head, holed, parts):
    pair = paired_up(holed, head, parts)
    both = (parts.data[0] > 0) & holed.valid
    assert int(pair.region.data.bool().sum()) == int(both.sum())
    empty = parts.with_data((~holed.valid[None]).to(torch.uint8))
    with pytest.raises(InputError, match=r"holed.nii.gz: has no data where its mask"):
        paired_up(holed, head, empty)


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_padding_does_not_draw_the_registration(head, holed, side):
    moving = rk.warp(head, SHIFT.inverse(), onto=head)
    fixed = holed
    if side == "moving":
        fixed, moving = head, rk.warp(holed, SHIFT.inverse(), onto=head, outside=5000)
    result = rk.register(fixed, moving, transform="rigid", init="header", similarity="mse")
    points = head.grid.to_world(torch.nonzero(head.data[0] > 20).double())
    assert (result.transform(points) - SHIFT(points)).norm(dim=-1).mean() < 0.8


def test_an_image_without_any_data_is_refused(head):
    nothing = Volume(head.data, head.grid, "a.nii", np.zeros(head.shape))
    with pytest.raises(InputError, match=r"a.nii: no voxel has data"):
        check_pair(head, nothing)
    with pytest.raises(InputError, match=r"a.nii: no voxel has data"):
        normalise(nothing)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd"])
def test_nan_that_may_be_read_is_no_data(head, name, tmp_path):
    data = head.data.clone()
    data[0, 2, 3, 4] = torch.nan
    path = head.with_data(data).save(tmp_path / name)
    found = rk.read(path, nan=0)
    assert found.valid.logical_not().nonzero().tolist() == [[2, 3, 4]]
    assert rk.read(head.save(tmp_path / f"whole_{name}"), nan=0).valid is None
