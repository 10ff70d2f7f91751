import math

import numpy as np
import pytest
import torch

from regkit import Grid, InputError, Labels
from regkit.metrics import dice, summarise_dice


def labels(grid, values, generator, name="a.nii.gz"):
    picks = torch.randint(len(values), grid.shape, generator=generator)
    return Labels(torch.tensor(values)[picks], grid, name)


def naive(a, b, label):
    in_a, in_b = a.data == label, b.data == label
    return 2 * int((in_a & in_b).sum()) / int(in_a.sum() + in_b.sum())


@pytest.mark.parametrize("values", [[0, 1, 5, 2035], [-3, 0, 7], [0, 1, 1 << 40]])
def test_dice_is_what_a_loop_over_labels_counts(grid, generator, values):
    a, b = labels(grid, values, generator), labels(grid, values, generator)
    wanted = {v: naive(a, b, v) for v in values if v != 0}
    assert dice(a, b) == pytest.approx(wanted)


def test_a_structure_in_one_map_only_scores_zero(grid):
    a = Labels(torch.ones(grid.shape, dtype=torch.uint8), grid)
    b = Labels(torch.full(grid.shape, 3, dtype=torch.int16), grid)
    assert dice(a, b) == {1: 0.0, 3: 0.0}


def test_wanted_structures_that_occur_nowhere_are_not_a_number(parts):
    scores = dice(parts, parts, values=[5, 99])
    assert scores[5] == 1
    assert math.isnan(scores[99])
    assert summarise_dice(scores).count == 1


def test_headers_may_differ_by_rounding(parts):
    rounded = parts.grid.affine.astype(np.float32).astype(np.float64)
    again = Labels(parts.data, Grid(parts.grid.shape, rounded))
    assert set(dice(parts, again).values()) == {1.0}


def test_other_grids_are_refused(parts):
    other = Labels(parts.data, parts.grid.window((1, 0, 0), parts.grid.shape), "b.nii.gz")
    with pytest.raises(InputError, match=r"b.nii.gz: lies on Grid.*resample"):
        dice(parts, other)


def test_summary():
    found = summarise_dice({4: 0.2, 7: 0.9, 9: 0.7})
    assert found.mean == pytest.approx(0.6)
    assert (found.worst, found.worst_label, found.count) == (0.2, 4, 3)
    assert found.p5 == pytest.approx(np.percentile([0.2, 0.9, 0.7], 5))


def test_summary_of_nothing_is_refused():
    with pytest.raises(InputError, match="no structure occurs"):
        summarise_dice({3: math.nan})


def test_voxels_without_data_do_not_overlap():
    known = torch.tensor([[True, True, False]])
    one = Labels(torch.tensor([[1, 2, 1]]), np.eye(3))
    two = Labels(torch.tensor([[1, 1, 1]]), np.eye(3), valid=known)
    assert dice(one, two) == {1: pytest.approx(2 / 3), 2: 0.0}
    assert dice(Labels(one.data, np.eye(3), valid=~known), two) == {}
