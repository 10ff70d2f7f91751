import numpy as np
import pytest
import torch

from regkit import Grid, InputError, Labels
from regkit.metrics import surface_dice


def _ellipsoid(shape, spacing, radii, centre):
    places = np.stack(
        np.meshgrid(*(np.arange(n) * s for n, s in zip(shape, spacing, strict=True)), indexing="ij")
    )
    apart = [(p - c) / r for p, c, r in zip(places, centre, radii, strict=True)]
    return sum(each**2 for each in apart) <= 1


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # its own call
@pytest.mark.parametrize("tolerance", [0.5, 1.0, 2.0, 4.0])
def test_surface_dice_is_that_of_monai_on_thick_slices(tolerance):
    # MONAI 1.6.1, metrics/surface_dice.py: surface elements weigh by their area, in subvoxels.
    monai = pytest.importorskip("monai.metrics", reason="MONAI is not installed")
    shape, spacing = (48, 48, 14), (0.8, 0.8, 3.0)
    one = _ellipsoid(shape, spacing, (14, 11, 15), (19, 19, 20))
    two = _ellipsoid(shape, spacing, (12, 12, 14), (20, 18, 21))
    grid = Grid(shape, np.diag([*spacing, 1.0]))
    ours = surface_dice(*(Labels(torch.as_tensor(each), grid) for each in (one, two)), tolerance)
    theirs = monai.compute_surface_dice(
        *(torch.as_tensor(each)[None, None] for each in (one, two)),
        class_thresholds=[tolerance], include_background=True, spacing=spacing, use_subvoxels=True,
    )  # fmt: skip
    assert ours[1] == pytest.approx(float(theirs), abs=0.01)


def test_surface_dice_does_not_depend_on_how_the_image_is_stored():
    shape, spacing = (40, 40, 12), (0.8, 0.8, 3.0)
    grid = Grid(shape, np.diag([*spacing, 1.0]))
    maps = [
        Labels(torch.as_tensor(_ellipsoid(shape, spacing, radii, (16, 16, 17))), grid)
        for radii in ((12, 9, 13), (10, 10, 12))
    ]
    stored = [each.reoriented("PSL") for each in maps]
    assert surface_dice(*stored, 1.0) == pytest.approx(surface_dice(*maps, 1.0))


def test_a_sheet_of_one_voxel_is_open_on_both_sides():
    grid = Grid((3, 8, 8), np.eye(4))
    sheet = torch.zeros(3, 8, 8, dtype=torch.uint8)
    sheet[1] = 1
    whole = Labels(sheet, grid)
    assert surface_dice(whole, whole, 0.0) == {1: 1.0}


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_no_length_is_refused(tolerance):
    labels = Labels(torch.ones(2, 2, dtype=torch.uint8), Grid((2, 2), np.eye(3)))
    with pytest.raises(InputError, match="tolerance"):
        surface_dice(labels, labels, tolerance)


def test_a_structure_that_is_missing_agrees_nowhere():
    grid = Grid((4, 4), np.eye(3))
    there, gone = torch.zeros(4, 4, dtype=torch.uint8), torch.zeros(4, 4, dtype=torch.uint8)
    there[1:3, 1:3] = 1
    found = surface_dice(Labels(there, grid), Labels(gone, grid), 1.0, [1, 2])
    assert found[1] == 0.0
    assert np.isnan(found[2])
