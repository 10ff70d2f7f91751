"""Two real brains."""

import numpy as np
import pytest
import torch

import regkit as rk
from regkit.metrics import dice
from regkit.registration.config import make_config
from regkit.registration.field import FieldEngine
from regkit.resample import resample


@pytest.fixture(scope="module")
def brains(data):
    """Fixed and moving T1, their labels, and the labels that are scored."""
    folder = data / "brain_t1"
    scored = (folder / "score_labels.txt").read_text().replace(",", " ").split()
    images = [rk.read(folder / f"{who}_t1.nii.gz") for who in "ab"]
    labels = [rk.read_labels(folder / f"{who}_labels.nii.gz") for who in "ab"]
    return *images, *labels, [int(label) for label in scored]


@pytest.fixture(scope="module")
def result(brains):
    return rk.register(brains[0], brains[1], config=make_config("fast"))


@pytest.fixture(scope="module")
def overlap(brains):
    """Mean Dice of warped labels with those of fixed."""
    scored = brains[4]
    return lambda warped: np.mean(list(dice(brains[2], warped, scored).values()))


def test_the_fast_preset_aligns_two_brains(brains, result, overlap):
    fixed, _, _, labels, _ = brains
    before = overlap(rk.warp(labels, rk.Affine.identity(), onto=fixed.grid))
    after = overlap(rk.warp(labels, result.transform, onto=fixed.grid))
    assert before < 0.53
    assert after > 0.69
    assert result.metrics["folding"] <= 0.0005
    assert result.metrics["inverse_consistency_p95"] <= 0.5
    assert result.config.similarity == "lncc2"


def test_simpleitk_alone_gives_the_same(brains, result, overlap, data, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    path = rk.write_transform(result.transform, tmp_path / "transform.h5")
    folder = data / "brain_t1"
    fixed, moving, labels = (
        sitk.ReadImage(str(folder / name), sitk.sitkFloat32)
        for name in ("a_t1.nii.gz", "b_t1.nii.gz", "b_labels.nii.gz")
    )
    transform = sitk.ReadTransform(str(path))
    theirs = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear))
    ours = result.warped.data[0].float().numpy().transpose(2, 1, 0)
    assert np.abs(theirs - ours).mean() < 0.005 * np.ptp(ours)
    nearest = sitk.Resample(labels, fixed, transform, sitk.sitkNearestNeighbor)
    array = sitk.GetArrayFromImage(nearest).transpose(2, 1, 0).astype(np.int16)
    same = rk.Labels(torch.from_numpy(array.copy()), brains[0].grid)
    expected = overlap(rk.warp(brains[3], result.transform, onto=brains[0].grid))
    assert overlap(same) == pytest.approx(expected, abs=0.005)


def test_coarse_images_of_two_people_are_not_one_anatomy(brains, overlap):
    """At 3 mm few blocks tell at the coarsest level, where their distances mean little."""
    fixed, moving = (resample(each, each.grid.with_spacing(3.0)) for each in brains[:2])
    result = rk.register(fixed, moving, preset="fast")
    assert not any(stage.note.startswith("smooth") for stage in result.stages)
    assert overlap(rk.warp(brains[3], result.transform, onto=brains[0].grid)) > 0.56


def test_a_coarse_level_astray_does_not_lead_the_next(data, monkeypatch):
    """At 8 mm the affine of T1 to FLAIR swells by a tenth, and goes on looking good at 4 mm."""
    monkeypatch.setattr(FieldEngine, "run", lambda self, pair, state: state)
    folder = data / "ms_longitudinal"
    fixed, moving = (rk.read(folder / f"study1_{name}.nii.gz") for name in ("FLAIR", "T1W"))
    truth = rk.read_transform(folder / "study1_T1W_intrastudy_to_FLAIR.txt")
    result = rk.register(fixed, moving, linear={"field_tolerance": 1e-6})
    assert "a second start ended better" in result.stages[2].note
    points = fixed.grid.world_points()[fixed.data[0] > fixed.data.float().mean()]
    assert (result.transform(points) - truth(points)).norm(dim=-1).mean() < 2.5
