"""Images of any one world are registered; those of two are refused."""

import pytest

import regkit as rk
from regkit import Grid, InputError, Labels, Volume, World

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
