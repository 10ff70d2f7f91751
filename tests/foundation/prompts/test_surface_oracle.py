"""The core's surface distances, which studies of prompts report, against other programs."""

import json

import numpy as np
import pytest
import torch
from scipy import ndimage

from foundation.prompts.perturbations import boundary_noise, dilate, shift
from regkit import Labels
from regkit.metrics import dice, surface_dice, surface_distances

from .record_mesh_metrics import CHANGES as RECORDED_CHANGES
from .record_mesh_metrics import RECORDED, SPACINGS, TOLERANCES, changed_pair, pair_name

CHANGES = [dilate, shift, boundary_noise]


@pytest.fixture(params=CHANGES, ids=lambda change: change.__name__)
def pair(request, ball):
    mask = ball(9.0, (0.8, 0.8, 3.0))
    other = request.param(mask, 3.0, np.random.default_rng(0)).mask
    return Labels(mask.data, mask.grid), Labels(other.data, mask.grid)


def test_surface_distances_are_those_of_all_pairs_of_places(pair):
    """By brute force: every outermost voxel of one mask against every one of the other, in mm."""
    ours = surface_distances(*pair)[1]
    places = []
    for each in pair:
        inside = each.data[0].bool().numpy()
        outermost = inside & ~ndimage.binary_erosion(inside)
        places.append(each.grid.world_points()[torch.from_numpy(outermost)])
    apart = torch.cdist(*places)
    there, back = apart.amin(1), apart.amin(0)
    assert ours.mean == pytest.approx(float(torch.cat([there, back]).mean()), abs=1e-4)
    assert ours.maximum == pytest.approx(float(max(there.max(), back.max())), abs=1e-4)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy")
def test_surface_distances_are_those_of_monai(pair):
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    one, two = pair
    ours = surface_distances(one, two)[1]
    hot = [torch.stack([1 - each.data[0], each.data[0]])[None].float() for each in pair]
    how = {"include_background": False, "spacing": list(one.spacing)}
    mean = compute_average_surface_distance(*hot, symmetric=True, **how)
    hd95 = compute_hausdorff_distance(*hot, percentile=95, **how)
    most = compute_hausdorff_distance(*hot, **how)
    assert ours.mean == pytest.approx(float(mean), abs=1e-4)
    assert ours.hd95 == pytest.approx(float(hd95), abs=1e-4)
    assert ours.maximum == pytest.approx(float(most), abs=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_surface_distances_agree_with_surface_distance(pair):
    peer = pytest.importorskip("surface_distance", reason="surface-distance is not installed")
    one, two = pair
    ours = surface_distances(one, two)[1]
    masks = [each.data[0].bool().numpy() for each in pair]
    theirs = peer.compute_surface_distances(*masks, one.spacing)
    # Its surfaces run between voxels, ours through the outermost; they differ by less than one.
    size = max(one.spacing)
    assert ours.mean == pytest.approx(
        float(np.mean(peer.compute_average_surface_distance(theirs))), abs=size / 2
    )
    assert ours.maximum == pytest.approx(peer.compute_robust_hausdorff(theirs, 100), abs=size)


@pytest.mark.parametrize("tolerance", [1.0, 2.0, 4.0])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_surface_dice_agrees_with_surface_distance(pair, tolerance):
    peer = pytest.importorskip("surface_distance", reason="surface-distance is not installed")
    one, two = pair
    masks = [each.data[0].bool().numpy() for each in pair]
    theirs = peer.compute_surface_distances(*masks, one.spacing)
    expected = peer.compute_surface_dice_at_tolerance(theirs, tolerance)
    # Its areas are those of marching cubes, ours of the edges that a surface cuts.
    assert surface_dice(one, two, tolerance)[1] == pytest.approx(expected, abs=0.02)


@pytest.fixture(params=[(c, s) for s in SPACINGS for c in RECORDED_CHANGES], ids=lambda p: f"{p}")
def measured_by_meshes(request):
    """A pair, and what pymeshmetrics says of it, with surfaces laid as meshes between voxels."""
    pair = changed_pair(*request.param)
    found = json.loads(RECORDED.read_text())["pairs"][pair_name(*request.param)]
    assert dice(*pair, [1])[1] == pytest.approx(found["dice"], abs=1e-9)  # the masks are those
    return pair, found


def test_surface_distances_are_near_those_of_meshes(measured_by_meshes):
    pair, theirs = measured_by_meshes
    ours, voxel = surface_distances(*pair)[1], max(pair[0].spacing)
    assert ours.maximum == pytest.approx(theirs["hd"], abs=0.1 * voxel)
    assert ours.hd95 == pytest.approx(theirs["hd95"], abs=0.35 * voxel)
    assert ours.mean == pytest.approx(theirs["mean"], abs=0.15 * voxel)


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_surface_dice_is_that_of_meshes_at_a_tolerance_nearly_the_same(
    measured_by_meshes, tolerance
):
    """Elements of our surfaces lie at corners of voxels, half a diagonal at most from a mesh."""
    pair, theirs = measured_by_meshes
    known = {float(near): share for near, share in theirs["surface_dice"].items()}
    half = float(np.linalg.norm(pair[0].spacing)) / 2
    low, high = (
        np.interp(tolerance + way * half, list(known), list(known.values())) for way in (-1, 1)
    )
    assert low - 1e-9 <= surface_dice(*pair, tolerance)[1] <= high + 1e-9
