import numpy as np
import pytest
import SimpleITK as sitk
import torch

from regkit import InputError, Labels
from regkit.metrics.structures import score_structures, structures_csv, worst_structure


@pytest.fixture
def moved(parts):
    """``parts``, one voxel further along the first axis, without structure 5."""
    data = torch.roll(parts.data[0], 1, 0)
    return parts.with_data(torch.where(data == 5, 0, data))


def test_dice_and_distances_are_those_of_simpleitk(parts, moved):
    """On a grid that is not sheared; SimpleITK measures from the surface of one to the other."""
    found = {score.label: score for score in score_structures(parts, moved, parts)}
    ours = {score.label: score for score in score_structures(parts, parts, moved)}
    image, other = (sitk.GetImageFromArray(each.data[0].numpy()) for each in (parts, moved))
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(image, other)
    for label in (1, 2):
        assert ours[label].dice == pytest.approx(overlap.GetDiceCoefficient(label))
        assert found[label].dice_before == pytest.approx(overlap.GetDiceCoefficient(label))
        assert found[label].dice == 1
        assert found[label].surface.maximum == 0
        assert ours[label].surface.maximum == pytest.approx(parts.grid.spacing[0])


def test_a_structure_that_one_map_lacks_overlaps_nowhere(parts, moved):
    scores = score_structures(parts, parts, moved)
    worst = worst_structure(scores)
    assert (worst.label, worst.dice, worst.dice_before, worst.surface) == (5, 0.0, 1.0, None)


def test_the_table_leaves_what_is_not_known_empty(parts, moved):
    lines = structures_csv(score_structures(parts, parts, moved), "mm").splitlines()
    head = "label,dice_before,dice,surface_mean,surface_hd95,surface_max,unit,surface_dice,name"
    assert lines[0] == head
    assert lines[-1] == "5,1,0,,,,mm,,"
    assert len(lines) == 4


def test_maps_without_a_structure_are_refused(grid):
    empty = Labels(np.zeros(grid.shape, np.uint8), grid)
    with pytest.raises(InputError, match="no structure occurs"):
        score_structures(empty, empty, empty)
