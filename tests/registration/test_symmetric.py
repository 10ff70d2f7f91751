import numpy as np
import pytest
import torch

from regkit import Affine, Labels, compose
from regkit.losses import LNCC, MIND, MSE
from regkit.registration.config import FieldConfig
from regkit.registration.field import register_field
from regkit.registration.pair import coarser, level
from regkit.registration.planar import drop_field
from regkit.registration.symmetric import exchange_level
from regkit.resample import resample, warp

ONE, BOTH = (
    FieldConfig(factors=(2, 1), iterations=(60, 40), symmetric_above=mm) for mm in (1000.0, 0.0)
)


def _warp(pair, config, similarity=None, affine=None):
    affine = np.eye(4) if affine is None else affine
    return register_field(pair, affine, similarity or MSE(), config, lambda _: None)[0]


def _mirrored(pair, similarity, affine):
    at = level(pair, coarser(pair.grid, 2), similarity, pair.region, affine)
    return at, exchange_level(pair, at, affine)


@pytest.mark.parametrize("similarity", [MSE(), MIND()], ids=lambda s: s.name)
def test_the_images_change_places_with_the_affine_done(head, move, turn, paired, similarity):
    pair = paired(head, move(turn))
    at, back = _mirrored(pair, similarity, turn.matrix)
    assert (back.grid, back.moving_grid) == (at.grid, at.grid)
    assert back.moving is at.fixed
    assert back.moving_weight is None
    inside = (at.weight > 0) & (back.weight > 0.99)
    assert inside.sum() > 0.6 * (at.weight > 0).sum()
    apart = (back.fixed - at.fixed).abs()[:, inside].mean()
    untouched = (resample(pair.moving, at.grid).data - at.fixed).abs()[:, inside].mean()
    assert apart < 0.4 * untouched


def test_a_mask_of_fixed_says_where_it_counts_when_it_is_warped(head, bent, parts, paired):
    mask = Labels((parts.data == 1).to(torch.uint8), parts.grid)
    at, back = _mirrored(paired(head, bent, fixed_mask=mask), MSE(), np.eye(4))
    assert torch.equal(back.moving_weight[0], at.weight)


def test_both_sides_find_the_warp_too(head, bent, bend, paired, error):
    pair = paired(head, bent)
    one, both = (error(_warp(pair, config), bend) for config in (ONE, BOTH))
    assert both < 1.1 * one
    assert both < 0.35 * error(Affine.identity(), bend)


def test_the_order_of_the_images_matters_less(head, bent, paired, error):
    """To one place and back, by two runs that know nothing of each other."""
    onto = warp(bent, Affine.identity(), onto=head.grid)
    there, back = paired(head, onto), paired(onto, head)

    def gap(config):
        fields = (_warp(each, config, LNCC(2, squared=True)) for each in (back, there))
        return error(compose(*fields), Affine.identity())

    assert gap(BOTH) < 0.8 * gap(ONE)


def test_a_plane_has_two_sides_too(plane, paired):
    moved = plane.with_data(torch.roll(plane.data, 1, dims=1))
    pair = paired(plane, moved)
    points = plane.grid.world_points()
    points = points[plane.data[0] > 0.5 * plane.data.max()]
    for config in (ONE, BOTH):
        field = drop_field(_warp(pair, config))
        step = (field(points) - points).norm(dim=-1).mean()
        assert float(step) == pytest.approx(plane.grid.spacing[0], rel=0.35)


def test_only_levels_of_large_voxels_have_two_sides(head, bent, paired):
    pair = paired(head, bent)
    voxel = min(pair.grid.spacing)
    never = _warp(pair, ONE)
    same = _warp(pair, ONE.model_copy(update={"symmetric_above": 2.1 * voxel}))
    other = _warp(pair, ONE.model_copy(update={"symmetric_above": 1.9 * voxel}))
    assert torch.equal(never.u, same.u)
    assert not torch.equal(never.u, other.u)
