"""All rows are judged, by headers, before anything starts."""

import json
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from regkit import InputError
from regkit.cohort import PairRow, TableError, kind_called, plan_cohort, read_pair_table
from regkit.cohort.apply import APPLY_ROWS
from regkit.cohort.kind import ROWS_GROUP
from regkit.cohort.pairing import pair_images
from regkit.runs.kinds import JOBS_GROUP
from tests.cohort.jobs import ROWS


@pytest.fixture
def images(tmp_path, head):
    for name in ("a", "b", "c"):
        head.save(tmp_path / f"{name}.nii.gz")
    return tmp_path


def written(folder, text, name="pairs.csv"):
    (folder / name).write_text(text)
    return read_pair_table(folder / name)


def problems(table, folder, kind=None, **more):
    before = sorted(folder.rglob("*"))
    with pytest.raises(TableError) as caught:
        plan_cohort(table, kind or kind_called("register"), folder / "out", **more)
    assert sorted(folder.rglob("*")) == before  # nothing is written
    return list(caught.value.problems)


def test_rows_become_jobs(images):
    table = written(
        images,
        "fixed,moving,moving_labels,preset,similarity,seed,frame,options,subject,session\n"
        'a.nii.gz,b.nii.gz,b.nii.gz;c.nii.gz,fast,mi,3,,"{""linear"": {""iterations"": 2}}",01,2\n'
        "a.nii.gz,c.nii.gz,,,,,,,,\n",
    )
    plan = plan_cohort(table, kind_called("register"), images / "out", options={"seed": 7})
    first, second = (each.job for each in plan.pairs)
    assert first.folder == images / "out" / "01_2_b_to_a"
    assert [path.name for path in first.paths.moving_labels] == ["b.nii.gz", "c.nii.gz"]
    assert (first.preset, first.config.similarity, first.config.seed) == ("fast", "mi", 3)
    assert first.config.linear.iterations == 2
    assert (second.folder.name, second.config.seed) == ("c_to_a", 7)
    assert plan.memory > 0


def test_all_that_is_wrong_is_named_with_its_line(images):
    table = written(
        images,
        "fixed,moving,similarity\na.nii.gz,b.nii.gz,mii\nd.nii.gz,c.nii.gz,\n,c.nii.gz,\n"
        "a.nii.gz,b.nii.gz,\na.nii.gz,b.nii.gz,\n",
    )
    (images / "d.nii").write_text("no image")
    found = problems(table, images)
    assert found[0].startswith("pairs.csv: line 3: fixed 'd.nii.gz' does not exist; did you mean")
    assert found[1] == "pairs.csv: line 4: fixed is empty; name a file"
    assert found[2].startswith("pairs.csv: lines 2 and 5 and 6 would all write 'b_to_a'")
    assert found[3].startswith("pairs.csv: line 2: option similarity: allowed: 'mse'")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fixd,moving\na.nii.gz,b.nii.gz\n", "pairs.csv: has no column 'fixed'"),
        ("fixd,moving\na.nii.gz,b.nii.gz\n", "column 'fixd' is unknown; did you mean 'fixed'?"),
        ("fixed,moving,output\na.nii.gz,b.nii.gz,x/y\n", "output 'x/y' is no name of a folder"),
        ("fixed,moving,output\na.nii.gz,b.nii.gz,table.csv\n", "is the name of a result of the"),
        ("fixed,moving,options\na.nii.gz,b.nii.gz,{1\n", "line 2: options '{1' are no JSON"),
        ("fixed,moving,options\na.nii.gz,b.nii.gz,3\n", "options are 3; allowed: an object"),
        (
            'fixed,moving,options\na.nii.gz,b.nii.gz,"{""sed"": 1}"\n',
            "option 'sed' is unknown; did you mean 'seed'?",
        ),
        ("fixed,moving,init\na.nii.gz,b.nii.gz,x.h5\n", "init 'x.h5': is neither one of auto"),
        ("fixed,moving,frame\na.nii.gz,b.nii.gz,one\n", "frame is 'one'; allowed: Integral"),
        ("fixed,moving\na.nii.gz,no/b.nii.gz\n", "there is no folder 'no' either"),
        ("fixed,moving\na.nii.gz,sub\\b.nii.gz\n", "does not exist; write / between folders"),
        ("fixed,moving\na.nii.gz,~/no-such.nii\n", "line 2: moving '~/no-such.nii' does not exist"),
        ("fixed,moving\na.nii.gz,broken.nii.gz\n", "line 2: broken.nii.gz: "),
    ],
)
def test_what_is_wrong_with_a_row(images, text, said):
    (images / "broken.nii.gz").write_bytes(b"no image")
    found = problems(written(images, text), images)
    assert any(said in each for each in found), found


def test_several_files_where_one_is_meant(images):
    kind = kind_called("apply")
    found = written(images, "image,transforms,onto\na.nii.gz,a.nii.gz;b.nii.gz,c.nii.gz\n")
    assert len(plan_cohort(found, kind, images / "out").pairs[0].job.transforms) == 2
    for column, said in (("labels", "allowed: true or false"), ("outside", "allowed: a number")):
        text = f"image,transforms,onto,{column}\na.nii.gz,b.nii.gz,c.nii.gz,maybe\n"
        assert said in problems(written(images, text), images, kind)[0]


ROW = "a.nii.gz,b.nii.gz,c.nii.gz"


@pytest.mark.parametrize(
    ("columns", "cells", "said"),
    [
        ("vectors", "maybe", "vectors is 'maybe'; allowed: true or false"),
        ("interpolation", "spline", "interpolation is 'spline'; allowed: linear, nearest"),
        ("tensors", "siemens", "tensors is 'siemens'; allowed: nifti, fsl, mrtrix, dipy"),
        ("tensors", "dipy", "the axes of the tensors are not clear"),
        ("tensors,axes,vectors", "fsl,fsl,true", "--tensors and --vectors both say"),
        ("turn", "rotation", "--axes and --turn are of --tensors or --vectors"),
        ("voxel", "0", "--voxel 0 is not like 1 or 0.5,0.5,2"),
        ("voxel", "true", "--voxel True is not like 1"),
        ("from", "3", "from is 3; allowed: the name of a program"),
    ],
)
def test_options_of_apply_that_are_none(images, columns, cells, said):
    table = written(images, f"image,transforms,onto,{columns}\n{ROW},{cells}\n")
    assert said in problems(table, images, kind_called("apply"))[0]


@pytest.mark.parametrize("voxel", [2, [2], "2"])
def test_rows_of_apply_have_the_options_of_the_command(tmp_path, voxel):
    paths = tmp_path / "a.nii.gz", tmp_path / "b.mat", tmp_path / "c.nii.gz"
    files = {name: (path,) for name, path in zip(APPLY_ROWS.required, paths, strict=True)}
    options = {"from": "fsl", "voxel": voxel, "tensors": "mrtrix", "turn": "rotation", "frame": 1}
    job = APPLY_ROWS.make(PairRow(2, files, options), tmp_path)
    assert job.plan() == {
        "labels": False,
        "outside": 0.0,
        "voxel": (2.0,),
        "turned": {"kind": "tensors", "axes": "ras", "order": "mrtrix", "turning": "rotation"},
        "from": "fsl",
    }
    assert job.reading.frame == 1


def test_a_subject_in_two_spaces(images, head):
    np.save(images / "p.npy", head.data[0].numpy())
    text = "fixed,moving,subject\na.nii.gz,b.nii.gz,01\np.npy,p.npy,01\n"
    found = problems(written(images, text), images)
    assert "line 3: subject '01' is in two spaces: p.npy in pixel, a.nii.gz (line 2)" in found[0]
    found = problems(written(images, "fixed,moving\na.nii.gz,p.npy\n"), images)
    assert "line 2: the row is in two spaces" in found[0]


def test_results_that_are_there_are_not_replaced(images):
    table = written(images, "fixed,moving\na.nii.gz,b.nii.gz\n")
    (images / "out" / "b_to_a").mkdir(parents=True)
    (images / "out" / "b_to_a" / "run.json").write_text("{}")
    assert "run.json" in problems(table, images)[0]
    assert plan_cohort(table, kind_called("register"), images / "out", resume=True).pairs
    (images / "file").write_text("")
    with pytest.raises(TableError):
        plan_cohort(table, kind_called("register"), images / "file")


def test_other_packages_bring_kinds(monkeypatch, images):
    rows = EntryPoint("risky", "tests.cohort.jobs:ROWS", ROWS_GROUP)
    jobs = EntryPoint("scaling", "tests.runs.scaling:again", JOBS_GROUP)
    entries = {ROWS_GROUP: [rows], JOBS_GROUP: [jobs]}
    monkeypatch.setattr("regkit.plugins.entry_points", lambda group: entries[group])
    assert kind_called("risky") == ROWS
    (images / "n.txt").write_text("1 2")
    table = written(images, json.dumps({"image": "n.txt", "options": {"factor": 3.0}}), "t.jsonl")
    job = plan_cohort(table, kind_called("scaling"), images / "out").pairs[0].job
    assert (job.kind, job.factor) == ("scaling", 3.0)
    with pytest.raises(InputError, match=r"'regster' is no kind of job; did you mean 'register'"):
        kind_called("regster")


def test_images_are_paired(images):
    text = "image,mask,subject,session,seed\n"
    text += "b.nii.gz,,1,2,4\na.nii.gz,a.nii.gz,1,1,3\nc.nii.gz,,2,1,5\n"
    table = written(images, text)
    atlas = pair_images(table, "to-atlas", atlas=images / "c.nii.gz")
    assert [each.values["moving"] for each in atlas.records] == ["b.nii.gz", "a.nii.gz", "c.nii.gz"]
    assert {each.values["fixed"] for each in atlas.records} == {str(images / "c.nii.gz")}
    every = [
        (e.values["fixed"], e.values["moving"]) for e in pair_images(table, "all-pairs").records
    ]
    assert every == [("b.nii.gz", "a.nii.gz"), ("b.nii.gz", "c.nii.gz"), ("a.nii.gz", "c.nii.gz")]
    (visit,) = pair_images(table, "longitudinal").records
    assert visit.values == {
        "fixed": "a.nii.gz", "fixed_mask": "a.nii.gz", "moving": "b.nii.gz", "subject": "1",
        "session": "2", "seed": "4",
    }  # fmt: skip
    assert len(plan_cohort(atlas, kind_called("register"), images / "out").pairs) == 3


@pytest.mark.parametrize("sessions", [("ses-2", "ses-10"), ("2", "10"), ("M6", "M12"),
                                      ("2019-12-31", "2020-01-02")])  # fmt: skip
def test_the_first_session_is_the_lowest_number(images, sessions):
    early, late = sessions
    text = f"image,subject,session\nb.nii.gz,1,{late}\na.nii.gz,1,{early}\n"
    (visit,) = pair_images(written(images, text), "longitudinal").records
    assert (visit.values["fixed"], visit.values["moving"]) == ("a.nii.gz", "b.nii.gz")


@pytest.mark.parametrize(
    ("text", "pairing", "said"),
    [
        ("moving\na.nii.gz\n", "all-pairs", "no column 'image', which --all-pairs needs"),
        ("image\na.nii.gz\n", "longitudinal", "no column 'session', which --longitudinal"),
        ("image\nx.nii.gz\n", "to-atlas", "line 2: image 'x.nii.gz' does not exist"),
        ("image,subject,session\na.nii.gz,1,\n", "longitudinal", "line 2: session is empty"),
    ],
)
def test_tables_that_cannot_be_paired(images, text, pairing, said):
    with pytest.raises(TableError) as caught:
        pair_images(written(images, text), pairing, atlas=images / "a.nii.gz")
    assert any(said in each for each in caught.value.problems)


def test_one_image_makes_no_pair(images):
    with pytest.raises(InputError, match="has no two images to pair as all-pairs"):
        pair_images(written(images, "image\na.nii.gz\n"), "all-pairs")


def test_labels_are_compared(images):
    table = written(images, "fixed_labels,moving_labels\na.nii.gz,b.nii.gz\n")
    job = plan_cohort(table, kind_called("evaluate"), images / "out").pairs[0].job
    assert (job.kind, job.paths.transforms, job.folder.name) == ("evaluate", (), "b_to_a")


def test_landmarks_and_transforms_of_other_programs_are_compared(images):
    text = "fixed_labels,moving_labels,fixed_landmarks,moving_landmarks,fixed,transforms,from,"
    text += "tolerance\na.nii.gz,b.nii.gz,a.nii.gz,b.nii.gz,c.nii.gz,c.nii.gz,fsl,1.5\n"
    kind = kind_called("evaluate")
    job = plan_cohort(written(images, text), kind, images / "out").pairs[0].job
    assert job.plan() == {"tolerance": 1.5, "from": "fsl"}
    roles = [role for role, _ in job.paths.by_role()]
    assert roles == [
        "fixed_labels", "moving_labels", "fixed_landmarks", "moving_landmarks", "fixed",
        "transform",
    ]  # fmt: skip
    for column, said in (("tolerance", "allowed: a number"), ("from", "the name of a program")):
        text = f"fixed_labels,moving_labels,{column}\na.nii.gz,b.nii.gz,[1]\n"
        assert said in problems(written(images, text), images, kind)[0]


def test_a_job_that_declares_no_columns(images):
    text = json.dumps({"image": "a.nii.gz", "mask": "b.nii.gz", "options": {"steps": 5}})
    plan = plan_cohort(written(images, text, "t.jsonl"), kind_called("denoise"), images / "out")
    job = plan.pairs[0].job
    assert (job.kind, job.config.steps, job.mask.name) == ("denoise", 5, "b.nii.gz")
    assert job.outputs.places()["image"] == images / "out" / "a" / "image.nii.gz"
    text = json.dumps({"image": "a.nii.gz", "options": {"stps": 5}})
    found = problems(written(images, text, "t.jsonl"), images, kind_called("denoise"))
    assert "line 1: option stps" in found[0]
    assert "did you mean 'steps'?" in found[0]
