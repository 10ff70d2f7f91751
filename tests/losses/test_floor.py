"""What counts as flat, by the size of the voxels."""

import pytest

from regkit.losses import LNCC, MSE, SimilaritySum


def test_larger_voxels_call_more_contrast_flat():
    fine, coarse, huge = (LNCC(2).at(mm).floor for mm in (1.0, 4.0, 1000.0))
    assert coarse == pytest.approx(16 * fine)
    assert huge == pytest.approx(0.05**2)


def test_small_voxels_keep_the_floor_there_is():
    assert LNCC(2).at(1e-3) == LNCC(2)
    assert LNCC(2, floor=0.1).at(4.0).floor == 0.1


def test_a_sum_hands_it_on_and_others_do_not_care():
    other = MSE()
    mixed = SimilaritySum(((1.0, LNCC(2)), (0.5, other))).at(4.0)
    assert mixed == SimilaritySum(((1.0, LNCC(2).at(4.0)), (0.5, other)))
