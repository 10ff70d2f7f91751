"""The template of a group as a job, on real workers."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from regkit import InputError, Volume, read, read_transform
from regkit.cli import main
from regkit.cohort.start import Workplace
from regkit.cohort.template.images import named_images
from regkit.cohort.template.job import make_template_job
from regkit.cohort.template.names import member_names
from regkit.geometry import Grid
from regkit.geometry.affines import homogeneous
from regkit.registration.template_start import measure_member
from regkit.runs import is_finished, run
from regkit.runs.kinds import job_again

QUICK = {
    "preset": "fast", "transform": "rigid", "similarity": "mse",
    "linear": {"iterations": 3, "spacings": [8.0], "polish": [4.0]},
}  # fmt: skip
REPEATED = ("template.nii.gz", "s0_transform.h5", "s1_transform.h5", "iterations.csv")


@pytest.fixture(scope="module")
def images(head, tmp_path_factory):
    """Three images, each at a place of its own."""
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for n in range(3):
        affine = homogeneous(np.eye(3), [3 * n, -2 * n, n]) @ head.grid.affine
        image = Volume(head.data * (1 + n), Grid(head.grid.shape, affine))
        paths.append(image.save(folder / f"s{n}.nii.gz"))
    return paths


def job_of(images, folder, *, workers=1, **options):
    return make_template_job(
        images, folder, options={**QUICK, **options}, settings={"iterations": 2},
        place=Workplace(workers=workers, threads=1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(images, tmp_path_factory):
    """The folder of a template by one worker, and its job."""
    job = job_of(images, tmp_path_factory.mktemp("out") / "one")
    return run(job), job


def bytes_of(folder):
    return {name: (folder / name).read_bytes() for name in REPEATED}


def test_two_workers_and_another_order_give_the_same_bytes(made, images, tmp_path):
    other = job_of(images[::-1], tmp_path / "two", workers=2)
    run(other)
    assert bytes_of(other.folder) == bytes_of(made[1].folder)


def test_the_results_are_whole_and_say_what_was_done(made, images):
    done, job = made
    assert sorted(path.name for path in job.folder.iterdir()) == sorted(done.record["outputs"])
    record = json.loads((job.folder / "run.json").read_text())
    assert record["kind"] == "template"
    assert [each["name"] for each in record["members"]] == ["s0", "s1", "s2"]
    assert [each["iteration"] for each in record["iterations"]] == [1, 2]
    assert record["metrics"]["mean_log_affine"] < 1e-3
    assert min(each["correlation"] for each in record["members"]) > 0.9
    page = (job.folder / "report.html").read_text()
    assert "Template of 3 images" in page
    assert page.count("data:image/jpeg") == 3
    assert is_finished(job)


def test_the_template_lies_amid_its_images(made, head):
    folder = made[1].folder
    template = read(folder / "template.nii.gz").load()
    point = [template.grid.centre]
    shifts = [read_transform(folder / f"s{n}_transform.h5")(point) - point for n in range(3)]
    assert np.allclose(np.mean(shifts, axis=0), 0, atol=0.3)
    assert np.allclose(shifts[2] - shifts[0], [[6, -4, 2]], atol=0.5)
    there = read_transform(folder / "s1_transform.h5")(point)
    assert np.allclose(read_transform(folder / "s1_inverse.h5")(there), point, atol=1e-6)
    high = 2 * measure_member(head).intensities[1]  # the images are 1, 2 and 3 times as bright
    assert float(template.data.max()) == pytest.approx(high, rel=0.05)


def test_a_record_makes_the_same_job(made, tmp_path):
    done, job = made
    again = job_again(done.record, job.inputs(), tmp_path / "again")
    assert again.settings() == job.settings()
    assert again.images == job.images


def test_an_image_that_cannot_be_registered_is_named(images, head, tmp_path):
    flat = Volume(np.zeros(head.grid.shape, np.float32), head.grid).save(tmp_path / "flat.nii.gz")
    with pytest.raises(InputError, match=r"^flat\.nii\.gz: all voxels are 0; it has no contrast"):
        run(job_of([*images, flat], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_group_that_cannot_have_a_template_is_refused_by_headers(images, head, tmp_path):
    plane = Volume(head.data[:, :, :, 9], np.eye(3)).save(tmp_path / "plane.nii.gz")
    nowhere = tmp_path / "nowhere.npy"
    np.save(nowhere, head.data[0].numpy())
    pair = Volume.stacked([head, head]).save(tmp_path / "pair.nii.gz")
    for path, said in (
        (plane, r"plane\.nii\.gz is 2-D and s0\.nii\.gz is 3-D; all images of a template must"),
        (nowhere, r"s0\.nii\.gz .*nowhere\.npy"),
        (pair, r"pair\.nii\.gz"),
    ):
        with pytest.raises(InputError, match=said):
            job_of([images[0], path], tmp_path / "out").look()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["s0.nii.gz"], "a template needs at least 2 images, and 1 is given"),
        (["s0.nii.gz", "s0.nii.gz"], "s0.nii.gz: is given twice"),
        (["s0.nii.gz", "s9.nii.gz"], "s9.nii.gz: does not exist"),
        (["empty"], "empty: holds no image by its extension"),
        (["bad.csv"], "bad.csv: has no column 'image'; its columns are picture"),
        (["lost.csv"], "lost.csv: line 3: image 's9.nii.gz' does not exist"),
        (["s0.nii.gz", "s1.nii.gz", "--option", "presett=fast"],
         "--option 'presett' is unknown; did you mean 'preset'?"),
        (["s0.nii.gz", "s1.nii.gz", "--option", "dice=1"], "needs labels"),
        (["s0.nii.gz", "s1.nii.gz", "--iterations", "0"], "iterations"),
        (["s0.nii.gz", "s1.nii.gz", "--voxel", "-1"], "voxel"),
        (["s0.nii.gz", "s1.nii.gz", "--workers", "0"], "--workers is 0; give at least 1"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_nothing_starts(
    words, said, images, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for path in images:
        os.symlink(path, tmp_path / path.name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("picture\ns0.nii.gz\n")
    (tmp_path / "lost.csv").write_text("image\ns0.nii.gz\ns9.nii.gz\n")
    assert main(["template", *words, "-o", "out"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1]
    assert not (tmp_path / "out").exists()


def test_a_folder_and_a_table_name_images(images, tmp_path):
    table = tmp_path / "group.csv"
    table.write_text("image\n" + "\n".join(map(str, images)) + "\n")
    assert named_images([table]) == images
    assert named_images([images[0].parent]) == images


def test_names_tell_images_apart():
    paths = [Path("a/t1.nii"), Path("b/T1.nii.gz"), Path("c/a/t1.nii"), Path("t2.nii")]
    assert member_names(paths) == ["a_t1_1", "b_T1", "a_t1_3", "t2"]


def test_a_dry_run_shows_the_plan_and_writes_nothing(images, tmp_path, capsys):
    words = ["template", *map(str, images), "-o", str(tmp_path / "out"), "--dry-run"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "images  3, in RAS+ mm" in told.err
    assert "iterations" in told.out
    assert not (tmp_path / "out").exists()
