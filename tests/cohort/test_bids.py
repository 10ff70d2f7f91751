"""A BIDS data set in, derivatives out, judged by the validator of BIDS."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

from regkit import InputError
from regkit.cohort import TableError, kind_called, plan_cohort
from regkit.cohort.bids import read_bids, write_derivatives
from regkit.cohort.pairing import pair_images
from tests.cohort.test_cluster import FEW

VALIDATOR = str(Path(sys.executable).with_name("bids-validator-deno"))


@pytest.fixture
def raw(tmp_path, head):
    """Two visits of one person and one of another."""
    root = tmp_path / "raw"
    for name in ("sub-01/ses-1", "sub-01/ses-2", "sub-02/ses-1"):
        folder = root / name / "anat"
        folder.mkdir(parents=True)
        base = name.replace("/", "_")
        head.save(folder / f"{base}_T1w.nii.gz")
        (folder / f"{base}_T1w.json").write_text("{}")
    description = {"Name": "heads", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(description))
    return root


def test_images_of_a_data_set(raw):
    table = read_bids(raw, {})
    assert [record.values for record in table.records] == [
        {"image": f"sub-{s}/ses-{v}/anat/sub-{s}_ses-{v}_T1w.nii.gz", "subject": s, "session": v}
        for s, v in (("01", "1"), ("01", "2"), ("02", "1"))
    ]
    (visit,) = pair_images(table, "longitudinal").records
    assert visit.values["moving"].endswith("sub-01_ses-2_T1w.nii.gz")


def test_what_is_no_data_set(raw, tmp_path):
    with pytest.raises(InputError, match="is no BIDS data set; it has no dataset_description"):
        read_bids(tmp_path, {})
    with pytest.raises(InputError, match="has no image of suffix FLAIR"):
        read_bids(raw, {"suffix": "FLAIR"})
    with pytest.raises(InputError, match="BIDS has no entity 'colour'"):
        read_bids(raw, {"colour": "red"})
    anat = raw / "sub-02" / "ses-1" / "anat"
    shutil.copy(anat / "sub-02_ses-1_T1w.nii.gz", anat / "sub-02_ses-1_run-2_T1w.nii.gz")
    with pytest.raises(TableError) as caught:
        read_bids(raw, {})
    assert "sub-02 ses-1 has 2 such images" in caught.value.problems[0]
    assert len(read_bids(raw, {"run": "2"}).records) == 1


def test_results_become_derivatives(raw, tmp_path, serially):
    pairs = pair_images(read_bids(raw, {}), "longitudinal")
    plan = plan_cohort(pairs, kind_called("register"), tmp_path / "out", options=FEW)
    serially(plan)
    folder = write_derivatives(plan, raw)
    anat = folder / "sub-01" / "ses-2" / "anat"
    assert sorted(path.name for path in anat.iterdir()) == [
        "sub-01_ses-2_from-sub01ses1_to-sub01ses2_mode-image_xfm.h5",
        "sub-01_ses-2_from-sub01ses1_to-sub01ses2_mode-image_xfm.json",
        "sub-01_ses-2_from-sub01ses2_to-sub01ses1_mode-image_xfm.h5",
        "sub-01_ses-2_from-sub01ses2_to-sub01ses1_mode-image_xfm.json",
        "sub-01_ses-2_space-sub01ses1_T1w.json",
        "sub-01_ses-2_space-sub01ses1_T1w.nii.gz",
    ]
    sidecar = json.loads((anat / "sub-01_ses-2_space-sub01ses1_T1w.json").read_text())
    raw_address = "bids:raw:sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz"
    assert sidecar["SpatialReference"] == raw_address
    pair = plan.folder / plan.pairs[0].row.name
    ends = "sub-01_ses-2_from-sub01ses2_to-sub01ses1_mode-image_xfm.h5"
    assert (anat / ends).read_bytes() == (pair / "transform.h5").read_bytes()
    # The file that resamples ses-2 on the grid of ses-1 takes points of ses-1 to those of ses-2.
    sitk.ReadTransform(str(anat / ends))
    done = subprocess.run(
        [VALIDATOR, "--format", "json", "--ignoreWarnings", str(folder)],
        capture_output=True, text=True,
    )  # fmt: skip
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [each for each in issues if each.get("severity") == "error"] == []
    assert done.returncode == 0
