"""`regkit series` as a job."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest
import torch

from regkit import Volume, read, read_transform, warp
from regkit.cli import main
from regkit.io import save_series
from regkit.registration.series.gradients import rotated_gradients

TABLE = "desc-confounds_timeseries.tsv"


@pytest.fixture(scope="module")
def bold(moved_heads, tmp_path_factory):
    """A folder with a series of six frames, the fourth without contrast, and its gradients."""
    folder = tmp_path_factory.mktemp("series")
    frames = list(moved_heads)
    frames[3] = frames[3].with_data(torch.full_like(frames[3].data, 5))
    save_series([f.with_data(f.data.float()) for f in frames], folder / "bold.nii.gz",
                repetition=2.0)  # fmt: skip
    ways = np.random.default_rng(0).normal(size=(3, 6))
    np.savetxt(folder / "dwi.bvec", ways / np.linalg.norm(ways, axis=0), fmt="%.8f")
    (folder / "dwi.bval").write_text("0 1000 1000 1000 1000 1000\n")
    return folder


@pytest.fixture(scope="module")
def out(bold):
    words = ["--bvec", bold / "dwi.bvec", "--bval", bold / "dwi.bval", "--reference", "0"]
    line = ["series", bold / "bold.nii.gz", "-o", bold / "out", *words, "-q"]
    assert main([*map(str, line)]) == 0
    return bold / "out"


def test_the_table_says_how_each_frame_moved(out, motions):
    rows = list(csv.DictReader((out / TABLE).read_text().splitlines(), delimiter="\t"))
    described = json.loads((out / TABLE).with_suffix(".json").read_text())
    assert list(rows[0]) == list(described)
    assert rows[0]["framewise_displacement"] == "n/a"
    assert [row["verdict"] for row in rows] == ["pass"] * 3 + ["fail"] + ["pass"] * 2
    assert rows[3]["trans_x"] == rows[4]["framewise_displacement"] == "n/a"
    centre = torch.tensor(json.loads((out / "run.json").read_text())["centre"]).double()
    for number in (1, 2, 4, 5):
        moved = motions[number](centre) - centre
        found = [float(rows[number][f"trans_{axis}"]) for axis in "xyz"]
        assert np.allclose(found, moved, atol=0.15)
    assert (described["trans_x"]["Units"], described["rot_x"]["Units"]) == ("mm", "rad")
    assert "sphere of" in described["framewise_displacement"]["Description"]


def test_the_series_is_interpolated_once_by_the_transforms_beside_it(out, bold, head):
    written = nib.load(out / "corrected.nii.gz")
    assert written.header.get_zooms()[3] == 2.0
    assert written.header.get_xyzt_units() == ("mm", "sec")
    outside = json.loads((out / "run.json").read_text())["outside"]
    for number in (0, 1, 5):
        phi = read_transform(out / "transforms" / f"{number:04d}.tfm")
        frame = read(bold / "bold.nii.gz", frame=number)
        expected = warp(frame.load(), phi, onto=frame.grid, outside=outside).data[0].numpy()
        assert np.allclose(written.dataobj[..., number], expected, atol=1e-3)
    good = [0, 1, 2, 4, 5]
    mean = np.asarray(written.dataobj)[..., good].mean(-1)
    assert np.allclose(read(out / "mean.nii.gz").data[0], mean, atol=1e-3)
    assert float(read(out / "tsnr.nii.gz").data.median()) > 0


def test_gradients_turn_with_the_frames(out, bold, motions):
    before = np.loadtxt(bold / "dwi.bvec").T
    after = np.loadtxt(out / "corrected.bvec").T
    grid = read(out / "mean.nii.gz").affine
    true = rotated_gradients(before, [each.matrix for each in motions], grid)
    apart = np.degrees(np.arccos(np.clip((after * true).sum(1), -1, 1)))
    assert max(apart[[0, 1, 2, 4, 5]]) < 1
    assert max(np.degrees(np.arccos(np.clip((after * before).sum(1), -1, 1)))) > 2
    assert (out / "corrected.bval").read_text() == (bold / "dwi.bval").read_text()


def test_the_record_and_the_report_name_the_failed_frame(out):
    record = json.loads((out / "run.json").read_text())
    assert (record["kind"], record["failed"], record["doubtful"]) == ("series", [3], [])
    assert record["metrics"]["displacement_largest"] > 0.5
    page = (out / "report.html").read_text()
    assert "1 of 6 frames were not aligned (frame 3)" in page
    titles = (
        "Motion",
        "Look through the frames",
        "Mean before and after",
        "Temporal signal to noise",
    )
    for title in titles:
        assert f">{title}<" in page


def test_resume_rerun_and_dry_run(out, bold, capsys, tmp_path):
    words = ["series", str(bold / "bold.nii.gz"), "-o", str(out), "--reference", "0",
             "--bvec", str(bold / "dwi.bvec"), "--bval", str(bold / "dwi.bval")]  # fmt: skip
    assert main([*words, "--resume"]) == 0
    assert "was finished before" in capsys.readouterr().err
    assert main([*words, "--resume", "--transform", "affine"]) == 2
    assert "is of another run" in capsys.readouterr().err
    code = main(["rerun", str(out / "run.json"), "-q"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "the result is identical" in said
    assert main([*words[:2], "-o", str(tmp_path / "new"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "frames        6" in said
    assert "transform     rigid" in said
    assert not (tmp_path / "new").exists()


def test_a_damaged_record(out, tmp_path, capsys):
    record = json.loads((out / "run.json").read_text())
    record["inputs"][0]["role"] = "image"
    (tmp_path / "run.json").write_text(json.dumps(record))
    for name in ("bold.nii.gz", "dwi.bvec", "dwi.bval"):
        (tmp_path / name).write_bytes((out.parent / name).read_bytes())
    assert main(["rerun", str(tmp_path / "run.json"), "-q"]) == 2
    assert "the record must name one series" in capsys.readouterr().err


def test_a_sheared_series_comes_out_at_right_angles(bold, tmp_path, capsys):
    image = nib.load(bold / "bold.nii.gz").slicer[..., :2]
    sheared = image.affine @ np.array([[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    tilted = nib.Nifti1Image(np.asarray(image.dataobj), sheared)
    tilted.set_qform(None, 0)
    nib.save(tilted, tmp_path / "tilted.nii.gz")
    words = ["series", str(tmp_path / "tilted.nii.gz"), "-o", str(tmp_path / "out"), "-q"]
    assert main(words) == 2
    assert "--allow-shear" in capsys.readouterr().err
    assert main([*words, "--allow-shear"]) == 0
    axes = read(tmp_path / "out" / "mean.nii.gz").affine[:3, :3]
    assert np.allclose(axes.T @ axes, np.diag(np.diag(axes.T @ axes)), atol=1e-4)


def test_a_deformable_series_keeps_its_fields(bold, tmp_path, moved_heads):
    save_series([f.with_data(f.data.float()) for f in moved_heads[:2]], tmp_path / "two.nii.gz")
    line = ["series", tmp_path / "two.nii.gz", "-o", tmp_path / "out", "--transform", "deformable",
            "-q"]  # fmt: skip
    assert main([*map(str, line)]) == 0
    assert read_transform(tmp_path / "out" / "transforms" / "0001.h5").ndim == 3


def refused(words, capsys, folder):
    assert main([*map(str, words), "-o", str(folder / "out")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert not (folder / "out").exists()
    assert len(said.err.strip().splitlines()) == 1
    return said.err


def test_a_3d_image_is_told_what_to_do(head, tmp_path, capsys):
    path = head.save(tmp_path / "a.nii.gz")
    said = refused(["series", path], capsys, tmp_path)
    assert "a.nii.gz: holds 1 frame; motion is that between frames" in said


def test_nan_in_a_frame(moved_heads, tmp_path, capsys):
    frames = [f.with_data(f.data.float().clone()) for f in moved_heads]
    frames[4].data[0, 3, 3, 3] = torch.nan
    path = save_series(frames, tmp_path / "a.nii.gz")
    assert "1 of 13440 voxels are NaN" in refused(["series", path], capsys, tmp_path)
    assert main(["series", str(path), "-o", str(tmp_path / "o"), "--nan", "0", "-q"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--reference", "6"], "has no frame 6 for a reference; allowed: 0 to 5, auto or mean"),
        (["--reference", "first"], "--reference 'first' is no reference"),
        (["--bval", "{}/dwi.bval"], "--bval goes with --bvec"),
        (["--bvec", "{}/dwi.bval"], "has 1 rows of 6 numbers"),
        (["--bvec", "{}/none.bvec"], "none.bvec"),
        (["--radius", "-1"], "radius"),
    ],
)
def test_what_is_refused_before_any_work(bold, tmp_path, capsys, words, said):
    filled = [word.format(bold) for word in words]
    assert said in refused(["series", bold / "bold.nii.gz", *filled], capsys, tmp_path)


def test_several_values_a_voxel_need_a_choice(head, tmp_path, capsys):
    path = Volume.stacked([head, head]).save(tmp_path / "a.nii.gz")
    assert "pass --channel N" in refused(["series", path], capsys, tmp_path)
