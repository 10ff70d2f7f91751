"""The silver standard of `benchmarks.contrasts`: where it lies, and how the studies are made."""

import pytest
import SimpleITK as sitk
import torch

from benchmarks.contrasts import ATLAS_OF, CONTRASTS, brain_study, scan_file, silver_brain
from benchmarks.hard_pairs.contrasts import SESSIONS
from foundation.studies.generalization.config import GeneralizationConfig
from regkit import Volume, read
from regkit.settings import validate

SOURCE = (*SESSIONS[0], "T1")


@pytest.mark.parametrize("contrast", ["FLAIR", "T2"])
def test_a_brain_is_carried_where_itk_carries_it(data, contrast):
    """By the affines as the data set means them: points of FLAIR to points of the contrast."""
    image = read(scan_file(SOURCE))
    middle = image.grid.to_world(torch.tensor(image.shape, dtype=torch.float64) / 2)
    ball = ((image.grid.world_points() - middle).norm(dim=-1) <= 40.0).float()
    here = (*SESSIONS[0], contrast)
    ours = silver_brain(Volume(ball[None], image.grid), SOURCE, here).data[0].permute(2, 1, 0)
    moving = sitk.ReadImage(str(scan_file(SOURCE)))
    stored = sitk.GetImageFromArray(ball.permute(2, 1, 0).contiguous().numpy())
    stored.CopyInformation(moving)
    way = sitk.CompositeTransform(3)
    folder = data / SESSIONS[0][0]
    way.AddTransform(sitk.ReadTransform(str(folder / "study1_T1W_intrastudy_to_FLAIR.txt")))
    if contrast == "T2":
        other = sitk.ReadTransform(str(folder / "study1_T2W_intrastudy_to_FLAIR.txt"))
        way.AddTransform(other.GetInverse())
    there = sitk.Resample(stored, sitk.ReadImage(str(scan_file(here))), way, sitk.sitkLinear, 0.0)
    theirs = torch.from_numpy(sitk.GetArrayFromImage(there)) > 0.5
    both = 2 * int((ours.bool() & theirs).sum()) / int(ours.sum() + theirs.sum())
    assert both > 0.999


@pytest.mark.parametrize("patient", ATLAS_OF)
def test_no_patient_is_told_by_an_atlas_of_their_own(data, tmp_path, patient):
    given = {**brain_study(tmp_path, patient), "in_domain": "T1"}
    study = validate(GeneralizationConfig, given, "brain.yaml")
    assert {case.owner for case in study.cases} == {patient}
    assert study.atlas.subject != patient
    assert {case.domain for case in study.cases} == set(CONTRASTS)
    visits = sum(who == patient for who, _ in SESSIONS)
    assert len(study.cases) == visits * len(CONTRASTS)
