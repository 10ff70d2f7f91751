"""No similarity and no sampling sees what lies in voxels without data."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit import Affine, Volume
from regkit.geometry.affines import homogeneous
from regkit.losses import LNCC, MIND, MSE, MutualInformation, SimilaritySum
from regkit.preprocess.nodata import fill_nodata
from regkit.registration.agreement import PairBlocks
from regkit.registration.choice import choose
from regkit.registration.linear_loss import linear_level, value_and_gradient
from regkit.registration.pair import level, pair_of
from regkit.registration.prepared import PreparedImage
from regkit.resample import resample

GARBAGE = 1e6
SHIFT = Affine(homogeneous(np.eye(3), [1.3, -0.7, 0.4]))
PLAIN = {
    "multiple": 2, "max_voxels": 10**6, "device": torch.device("cpu"),
}  # fmt: skip


def prepared_pair(fixed, moving, **shares):
    return pair_of(
        PreparedImage(fixed, None, "mr"), PreparedImage(moving, None, "mr"), **PLAIN, **shares
    )


SIMILARITIES = [
    MSE(),
    LNCC(2),
    LNCC(1, squared=True),
    MIND(),
    MutualInformation(),
    SimilaritySum(((1.0, MIND()), (0.5, MSE()))),
]


def _with_hole(image, value):
    """An image of which a corner and a block inside have no data, but ``value``."""
    known = torch.ones(image.shape, dtype=torch.bool)
    known[:7, :9] = False
    known[12:17, 10:14, 9:12] = False
    data = torch.where(known, image.data, torch.full_like(image.data, value))
    return Volume(data, image.grid, image.name, known)


@pytest.fixture(scope="module", params=[1, 2], ids=["one channel", "two channels"])
def images(head, request):
    """Fixed and moving without holes."""
    moving = rk.warp(head, SHIFT, onto=head)
    if request.param == 1:
        return head, moving
    return tuple(Volume.stacked([each, each.with_data(120 - each.data)]) for each in (head, moving))


def _pair(images, value):
    shares = (1 / images[0].channels,) * images[0].channels
    fixed, moving = (_with_hole(each, value) for each in images)
    return prepared_pair(fixed, moving, shares=shares)


@pytest.mark.parametrize("similarity", SIMILARITIES, ids=lambda s: s.name)
def test_what_lies_in_voxels_without_data_changes_nothing(images, similarity):
    found = []
    for value in (0.0, GARBAGE):
        pair = _pair(images, value)
        summed = pair.compared_by(similarity)
        at = level(pair, pair.grid, summed, pair.region)
        u = torch.full((3, *at.grid.shape), 0.3)
        warped, weight = at.warped(at.matrix(np.eye(4)), u)
        found.append(summed.value_and_gradient(at.fixed, warped, weight))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize("similarity", SIMILARITIES, ids=lambda s: s.name)
def test_the_linear_engine_sees_nothing_of_it(images, similarity):
    found = []
    for value in (0.0, GARBAGE):
        pair = _pair(images, value)
        summed = pair.compared_by(similarity)
        at = linear_level(pair, 6.0, summed, np.eye(4))
        found.append(value_and_gradient(at, SHIFT.matrix, summed))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])


def test_nor_does_the_choice_or_the_judgement(images):
    chosen, agreed = [], []
    for value in (0.0, GARBAGE):
        pair = _pair(images, value)
        chosen.append(choose(pair, np.eye(4)))
        agreed.append(PairBlocks.on(pair, pair.grid).agreement(np.eye(4)))
    assert chosen[0] == chosen[1]
    assert agreed[0] == agreed[1]


def test_the_border_of_a_hole_is_no_edge(head):
    """Descriptors beside a hole are those of an image that goes on, not of one that ends."""
    known = torch.ones(head.shape, dtype=torch.bool)
    known[11:14, 13:16, 9:12] = False
    holed = Volume(head.data.clone(), head.grid, valid=known)
    holed.data[:, ~known] = GARBAGE
    beside = torch.zeros(head.shape, dtype=torch.bool)
    beside[10:15, 12:17, 8:13] = True
    beside &= known
    plain, other, dark = (
        MIND().features(each.data / 100)[:, beside]
        for each in (head, fill_nodata(holed), holed.with_data(head.data * known))
    )
    assert (other - plain).square().mean() < 0.3 * (dark - plain).square().mean()


def test_resampling_mixes_no_data_into_none(images):
    plain, holed = _with_hole(images[0], 0.0), _with_hole(images[0], GARBAGE)
    for grid in (images[0].grid.with_spacing(5.0), images[0].grid.with_spacing(1.9)):
        one, other = resample(plain, grid), resample(holed, grid)
        assert torch.equal(one.valid, other.valid)
        assert torch.equal(one.data, other.data)
    one, other = (rk.warp(each, SHIFT, onto=each) for each in (plain, holed))
    assert torch.equal(one.data, other.data)
    assert float(other.data.max()) <= float(images[0].data.max()) + 1e-3
