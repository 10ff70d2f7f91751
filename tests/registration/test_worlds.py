"""Images of any one world are registered; those of two are refused."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Grid, InputError, Labels, Volume, World
from regkit.registration.flat import flatten_slice
from regkit.registration.pair import pair_of, swap_images
from regkit.registration.placing import Placing
from regkit.registration.prepared import PreparedImage

FEW = {
    "linear": {"spacings": [4.0], "iterations": 5},
    "field": {"factors": [2, 1], "iterations": [5, 5]},
}
UTM = World.projected("EPSG:32632")


def _in(volume, world):
    return type(volume)(volume.data, Grid(volume.shape, volume.affine, world), volume.name)


@pytest.mark.parametrize("ndim", [2, 3])
def test_all_that_comes_of_a_registration_lies_in_the_world_of_the_images(head, parts, bend, ndim):
    moving = rk.warp(head, bend, onto=head)
    fixed, other, mask = head, moving, parts
    if ndim == 2:
        affine = [[1.3, 0, 5], [0, 1.1, 2], [0, 0, 1]]
        fixed, other = (Volume(v.data[:, :, :, 10], affine, v.name) for v in (head, moving))
        mask = Labels(parts.data[:, :, :, 10], affine)
    result = rk.register(
        _in(fixed, UTM), _in(other, UTM), fixed_mask=_in(mask, UTM), config=rk.RegisterConfig(**FEW)
    )
    assert result.warped.grid.world == UTM
    assert result.jacobian.grid.world == UTM
    for phi in (result.transform, result.inverse):
        assert (phi.fixed_world, phi.moving_world) == (UTM, UTM)
    assert all("_mm" not in name for name in result.metrics)
    with pytest.raises(InputError, match="what the transform gives"):
        rk.warp(other, result.transform, onto=_in(fixed, UTM))


def test_images_of_two_worlds_are_refused(head):
    with pytest.raises(InputError, match=r"head.nii.gz lies in RAS\+ mm and .* EPSG:32632"):
        rk.register(head, _in(head, UTM))


def test_what_is_done_before_the_engines_keeps_world_and_data(head):
    slab = _in(head, UTM).window((0, 0, 5), (24, 28, 1))
    image = Volume(slab.data, slab.grid, "slab", slab.data[0] > 20)
    placed = Placing(np.diag([3.0, 3.0, 3.0, 1.0])).placed(image)
    assert placed.grid.world == UTM
    flat = flatten_slice(image)
    assert (flat.grid.world, flat.ndim) == (UTM, 2)
    assert torch.equal(flat.valid, flat.data[0] > 20)


def test_the_other_side_of_a_pair_counts_where_it_has_data(head):
    holed = Volume(head.data, head.grid, "holed", head.grid.world_points()[..., 0] > 0)
    pair = pair_of(
        PreparedImage(head),
        PreparedImage(holed),
        multiple=1,
        max_voxels=10**6,
        device=torch.device("cpu"),
    )
    other = swap_images(pair)
    assert torch.equal(other.fixed_region.data[0] > 0, other.fixed.valid)
    assert not ((other.scope.data[0] > 0) & ~other.fixed.valid).any()
    assert other.moving_region is None
