import csv
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from regkit import Affine, Labels, read, read_labels, write_transform
from regkit.cli import main

NAMES = [
    "inverse.h5",
    "jacobian.nii.gz",
    "report.html",
    "run.json",
    "structures.csv",
    "transform.h5",
    "warped.nii.gz",
    "warped_lobes.nii.gz",
]


def test_a_run_leaves_its_files_and_nothing_else(registered):
    assert sorted(path.name for path in registered.iterdir()) == NAMES


def test_what_takes_long_to_be_imported_is_not(files, tmp_path):
    """SciPy's parts take a tenth of a second, which a plain registration can do without."""
    words = files.words("-o", tmp_path / "out", "--quiet")
    ask = f"import sys; from regkit.cli import main; assert main({words}) == 0; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    names = set(done.stdout.split())
    assert "torch" in names
    assert not {"scipy.ndimage", "scipy.optimize", "scipy.spatial"} & names


def test_the_record_tells_how_the_result_came_about(registered, files):
    record = json.loads((registered / "run.json").read_text())
    assert record["status"] == "done"
    assert record["outputs"][-1] == "run.json"
    assert record["world"] == {"unit": "mm", "axes": "RAS+", "crs": None}
    metrics = record["metrics"]
    assert metrics["displacement_p95_mm"] == metrics["displacement_p95"] > 0
    assert sorted(record["outputs"]) == NAMES
    assert [stage["name"] for stage in record["stages"]][:1] == ["init"]
    assert record["config"]["field"]["iterations"] == [20, 10]
    assert record["config"]["threads"] == 1
    assert record["seed"] == 0
    assert record["device"] == "cpu"
    assert record["seconds"] > 0
    assert record["peak_memory_mb"] > 1
    assert {"regkit", "python", "torch", "numpy"} <= set(record["versions"])
    moving = record["inputs"][1]
    digest = hashlib.sha256(files.moving.read_bytes()).hexdigest()
    assert moving == {"role": "moving", "file": "moving.nii", "sha256": digest}


def test_no_folder_of_this_machine_is_in_the_record_or_report(registered, files):
    for name in ("run.json", "report.html"):
        assert str(files.fixed.parent) not in (registered / name).read_text()


def test_dice_is_measured_before_and_after(registered):
    record = json.loads((registered / "run.json").read_text())
    assert 0.3 < record["metrics_before"]["dice_mean"] < record["metrics"]["dice_mean"] <= 1
    assert "Dice, mean" in (registered / "report.html").read_text()


def test_every_structure_has_its_scores(registered):
    record = json.loads((registered / "run.json").read_text())
    with (registered / "structures.csv").open() as file:
        rows = {row["label"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"1", "2", "5"}
    assert {row["unit"] for row in rows.values()} == {"mm"}
    worst = min(rows.values(), key=lambda row: float(row["dice"]))
    assert record["worst_structure"]["label"] == int(worst["label"])
    assert record["metrics"]["dice_worst"] == pytest.approx(float(worst["dice"]), abs=1e-4)
    assert 0 < float(worst["surface_mean"]) <= float(worst["surface_hd95"])
    page = (registered / "report.html").read_text()
    assert f"The worst is label {worst['label']}: its Dice is" in page


def test_label_maps_without_a_structure_are_refused_first(files, tmp_path, head, capsys):
    empty = Labels(torch.zeros(head.grid.shape, dtype=torch.uint8), head.grid)
    first, second = (empty.save(tmp_path / name) for name in ("a.nii.gz", "b.nii.gz"))
    words = files.words("-o", tmp_path / "out", "--fixed-labels", first, "--moving-labels", second)
    assert main(words) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "a.nii.gz: holds no structure, and neither does b.nii.gz" in said
    assert not (tmp_path / "out").exists()


def test_the_warped_image_lies_on_fixeds_grid_and_is_nearer_to_it(registered, files):
    fixed, warped = read(files.fixed), read(registered / "warped.nii.gz")
    np.testing.assert_allclose(warped.grid.affine, fixed.grid.affine, atol=1e-4)
    moving = read(files.moving).reoriented("LAS")
    assert (warped.data - fixed.data).abs().mean() < 0.7 * (moving.data - fixed.data).abs().mean()


def test_labels_stay_labels(registered, files):
    warped = read_labels(registered / "warped_lobes.nii.gz")
    assert set(warped.values) <= set(read_labels(files.labels).values)


def test_simpleitk_alone_gives_the_same_warped_image(registered, files):
    transform = sitk.ReadTransform(str(registered / "transform.h5"))
    fixed, moving = (sitk.ReadImage(str(path)) for path in (files.fixed, files.moving))
    theirs = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, 0))
    ours = sitk.GetArrayFromImage(sitk.ReadImage(str(registered / "warped.nii.gz")))
    assert np.abs(ours - theirs).mean() < 0.005 * np.ptp(ours)


def test_stdout_has_the_files_and_stderr_says_what_was_taken(files, tmp_path, capsys):
    assert main(files.words("-o", tmp_path / "out", "--transform", "rigid")) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == str(tmp_path / "out" / "warped.nii.gz")
    assert told.out.splitlines()[-1] == str(tmp_path / "out" / "run.json")
    first, second, *_, last, quality = told.err.splitlines()
    assert first == "fixed   fixed.nii.gz  24x28x20, 1.3x1.1x1.9 mm, LAS"
    assert second == "moving  moving.nii  28x20x24, 1.1x1.9x1.3 mm, PIR"
    assert last.startswith("done    ")
    assert quality.startswith("quality ")


def test_json_alone_on_stdout_and_quiet_on_stderr(files, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(files.words("-o", out, "--transform", "rigid", "--json", "--quiet")) == 0
    told = capsys.readouterr()
    said = json.loads(told.out)
    assert said.pop("folder") == str(out)
    assert said == json.loads((out / "run.json").read_text())
    assert told.err == ""


def test_same_seed_same_bytes(files, tmp_path):
    for name in ("a", "b"):
        assert main(files.words("-o", tmp_path / name, "--seed", 3, "--quiet")) == 0
    for name in ("warped.nii.gz", "jacobian.nii.gz", "transform.h5", "inverse.h5"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_folder_is_named_after_the_pair(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(files.words("--dry-run", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == "moving_to_fixed"


def test_a_dry_run_says_the_plan_and_writes_nothing(files, tmp_path, capsys):
    out = tmp_path / "out"
    words = files.words("-o", out, "--dry-run", "--similarity", "mind", "--seed", 7)
    assert main(words) == 0
    plan = capsys.readouterr().out
    assert "fixed         fixed.nii.gz" in plan
    assert "similarity    mind" in plan
    assert "seed          7" in plan
    assert f"would write   {out / 'run.json'}" in plan
    assert not out.exists()


def test_a_transform_file_takes_the_place_of_the_start(files, tmp_path):
    start = write_transform(Affine(np.diag([1.01, 1, 1, 1])), tmp_path / "start.h5")
    out = tmp_path / "out"
    assert main(files.words("-o", out, "--init", start, "--transform", "rigid")) == 0
    record = json.loads((out / "run.json").read_text())
    assert "init" not in [stage["name"] for stage in record["stages"]]
    assert record["inputs"][-1]["role"] == "init"


def test_taken_files_are_replaced_only_on_demand(files, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "warped.nii.gz").write_text("mine")
    (out / "notes.txt").write_text("mine too")
    assert main(files.words("-o", out, "--transform", "rigid")) == 2
    assert "warped.nii.gz: exists" in capsys.readouterr().err
    assert (out / "warped.nii.gz").read_text() == "mine"
    assert main(files.words("-o", out, "--transform", "rigid", "--overwrite")) == 0
    assert read(out / "warped.nii.gz").grid.shape == (24, 28, 20)
    assert (out / "notes.txt").read_text() == "mine too"


def test_an_input_is_never_overwritten(registered, files, capsys):
    before = (registered / "warped.nii.gz").read_bytes()
    words = ["register", files.fixed, registered / "warped.nii.gz", "-o", registered]
    assert main([*map(str, words), "--overwrite"]) == 2
    assert "would overwrite the input" in capsys.readouterr().err
    assert (registered / "warped.nii.gz").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--similarity", "psnr"], "option similarity: allowed: 'mse', 'lncc'"),
        (["--init", "middle"], "--init middle: neither one of auto, header, centers, moments nor"),
        (["--device", "tpu"], "option device: "),
        (["--threads", "-1"], "option threads: "),
        (["--config", "none.yaml"], "none.yaml: not found"),
        (["--fixed-labels", "{labels}"], "--fixed-labels needs --moving-labels"),
        (["--dice", "1"], "--dice 1 needs labels of both images; give --fixed-labels and"),
        (["--dice", "1", "--refine", "none"], "option: dice 1 guides what refines a deformable"),
        (["--moving-labels", "{labels}"] * 2, "warped_lobes.nii.gz would be written twice"),
        (["--moving-mask", "{fixed}"], "fixed.nii.gz: lies on"),
        (["-o", "{fixed}"], "fixed.nii.gz: is a file, not a folder"),
        (["--frame"], "requires an argument"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(files, tmp_path, capsys, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    words = [word.format(labels=files.labels, fixed=files.fixed) for word in options]
    assert main(["register", str(files.fixed), str(files.moving), *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    last = told.err.splitlines()[-1]
    assert last.startswith("regkit: error: ")
    assert said in last
    assert "Traceback" not in told.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "settings must be 'name: value' lines, not ['a', 'b']"),
        ("a: [1,\n", "s.yaml: not YAML: "),
        ("similarty: mse\n", "option similarty: Extra inputs are not permitted"),
        ("field: {radius: 0}\n", "option field.radius: "),
    ],
)
def test_bad_settings_are_one_line_and_exit_2(files, tmp_path, capsys, text, said):
    settings = tmp_path / "s.yaml"
    settings.write_text(text)
    words = ["register", files.fixed, files.moving, "--config", settings, "-o", tmp_path / "out"]
    assert main([*map(str, words)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert said in told[0]


def test_settings_that_are_no_text_are_refused(files, tmp_path, capsys):
    words = ["register", files.fixed, files.moving, "--config", files.fixed, "--dry-run"]
    assert main([*map(str, words)]) == 2
    assert "fixed.nii.gz: cannot be read as settings: not UTF-8" in capsys.readouterr().err


def test_a_missing_image_is_named(files, tmp_path, capsys):
    assert main(["register", str(files.fixed), str(tmp_path / "gone.nii")]) == 2
    assert "gone.nii" in capsys.readouterr().err.splitlines()[-1]


def test_labels_guide_and_it_is_said(files, tmp_path, capsys):
    labels = ["--moving-labels", files.labels, "--fixed-labels", files.fixed_labels]
    out = tmp_path / "out"
    assert main(files.words("-o", out, "--threads", 1, "--dice", 1, *labels)) == 0
    said = "the labels guide the registration; their Dice is no independent measure of it"
    assert f"notice  {said}" in capsys.readouterr().err
    record = json.loads((out / "run.json").read_text())
    assert record["notices"] == [said]
    assert record["metrics"]["dice_mean"] > record["metrics_before"]["dice_mean"]
    assert said in (out / "report.html").read_text()
    assert main(["rerun", str(out / "run.json"), "--data", str(files.fixed.parent)]) == 0


def test_the_terminal_and_the_record_say_what_the_result_is_worth(files, tmp_path, capsys):
    assert main(files.words("-o", tmp_path / "out", "--strict")) == 0
    said = capsys.readouterr().err.splitlines()[-1]
    quality = json.loads((tmp_path / "out" / "run.json").read_text())["quality"]
    assert said.startswith(f"quality {quality['verdict'].upper()}"[:12]) or "quality pass" in said
    assert quality["verdict"] in ("pass", "doubtful")
    assert {"folding", "information", "drift"} <= {check["name"] for check in quality["checks"]}
    assert quality["numbers"]["overlap"] > 0.5


def test_strict_makes_a_fail_exit_5_and_writes_all_the_same(files, tmp_path, capsys, head):
    rng = np.random.default_rng(0)
    noise = head.with_data(head.data.new_tensor(rng.random(head.data.shape)))
    other = noise.save(tmp_path / "noise.nii.gz")
    words = ["register", files.fixed, other, "--config", files.few, "--transform", "rigid"]
    assert main([*map(str, words), "-o", str(tmp_path / "a")]) == 0
    said = capsys.readouterr().err
    assert "quality FAIL, hardly right: " in said
    assert "Try --init" in said
    assert main([*map(str, words), "-o", str(tmp_path / "b"), "--strict"]) == 5
    assert (tmp_path / "b" / "warped.nii.gz").exists()
    assert "Quality: fail." in (tmp_path / "b" / "report.html").read_text()


def test_what_was_noticed_is_said(files, tmp_path, capsys):
    words = ["register", str(files.fixed), str(files.fixed), "-o", str(tmp_path / "out")]
    assert main(words) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("notice ")]
    assert said == ["notice  fixed and moving are one image; nothing has to move"]
