"""`regkit denoise` as a job: what it has in common with `regkit register`."""

import json
import os
import pickle
import shutil
import signal
import tomllib
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from denoise.config import make_denoise_config
from denoise.job import DenoiseJob, output_files
from denoise.memory import denoising_memory
from regkit import InputError, read
from regkit.cli import main
from regkit.runs import begin, run

FEW = ("--preset", "fast", "--steps", "2", "--threads", "1")
SMALL = "widths: [4, 6]\npatch: 16\npasses: 2\n"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files(noisy, tmp_path_factory):
    """The noisy image, a mask of it and a map of its noise, as files."""
    folder = tmp_path_factory.mktemp("noisy")
    noisy.image.save(folder / "image.nii.gz")
    noisy.image.with_data((noisy.clean.data > 1).to(torch.uint8)).save(folder / "mask.nii.gz")
    noisy.image.with_data(torch.full_like(noisy.image.data, 8.0)).save(folder / "level.nii.gz")
    (folder / "small.yaml").write_text(SMALL)
    return folder


@pytest.fixture
def words(files, tmp_path):
    def make(*more):
        first = ["denoise", files / "image.nii.gz", "-o", tmp_path / "clean.nii.gz"]
        if "--config" not in more:
            first += ["--config", files / "small.yaml"]
        return [*map(str, (*first, *FEW, *more))]

    return make


@pytest.fixture(scope="module")
def finished(files, tmp_path_factory):
    """The folder of a whole run with a report."""
    out = tmp_path_factory.mktemp("finished")
    words = ["denoise", files / "image.nii.gz", "-o", out / "clean.nii.gz", "--report",
             out / "page.html", "--save-model", out / "m.safetensors", "--config",
             files / "small.yaml"]  # fmt: skip
    assert main([*map(str, words), *FEW, "-q"]) == 0
    return out


@pytest.fixture
def known(monkeypatch):
    """The kinds of jobs that pyproject.toml declares, though it may not be installed as it is."""
    group = "regkit.jobs"
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    found = [EntryPoint(name, value, group) for name, value in declared[group].items()]
    monkeypatch.setattr("regkit.plugins.entry_points", lambda group: found)


def test_a_dry_run_checks_everything_and_writes_nothing(words, tmp_path, files, capsys):
    assert main(words("--dry-run", "--mask", files / "mask.nii.gz")) == 0
    told = capsys.readouterr()
    for line in ("image         image.nii.gz", "mask          mask.nii.gz", "steps         2"):
        assert line in told.out.splitlines()
    assert f"would write   {tmp_path / 'clean.json'}" in told.out
    assert told.err.startswith("image   image.nii.gz  49x40x23")
    assert main(words("--dry-run", "--json")) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["outputs"] == {"image": "clean.nii.gz", "record": "clean.json"}
    assert plan["config"]["steps"] == 2
    assert list(tmp_path.iterdir()) == []


def test_json_alone_on_stdout_and_quiet_on_stderr(words, tmp_path, capsys):
    assert main(words("--json", "--quiet")) == 0
    told = capsys.readouterr()
    said = json.loads(told.out)
    assert said.pop("folder") == str(tmp_path)
    assert said == json.loads((tmp_path / "clean.json").read_text())
    assert (said["kind"], said["outputs"]["image"]) == ("denoise", "clean.nii.gz")
    assert said["asked"]["steps"] == 2
    assert said["sha256"].keys() == {"image"}
    assert told.err == ""


def test_a_finished_run_is_left_and_another_one_refused(finished, files, tmp_path, capsys):
    out = shutil.copytree(finished, tmp_path / "out")
    words = ["denoise", files / "image.nii.gz", "-o", out / "clean.nii.gz", "--report",
             out / "page.html", "--save-model", out / "m.safetensors", "--resume", "--config",
             files / "small.yaml"]  # fmt: skip
    before = (out / "clean.json").stat().st_mtime_ns
    assert main([*map(str, words), *FEW]) == 0
    assert "clean.nii.gz: was finished before" in capsys.readouterr().err
    assert (out / "clean.json").stat().st_mtime_ns == before
    assert main([*map(str, words), *FEW, "--seed", "5"]) == 2
    assert "clean.json: is of another run (its asked differ)" in capsys.readouterr().err
    (out / "m.safetensors").unlink()
    assert main([*map(str, words), *FEW, "-q"]) == 0
    assert (out / "m.safetensors").exists()


def test_a_run_gives_the_same_again(finished, files, known, tmp_path, capsys):
    record = finished / "clean.json"
    words = ["rerun", str(record), "--data", str(files), "-q"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "identical  image", "identical  model", "the result is identical"
    ]  # fmt: skip
    assert main([*words, "-o", str(tmp_path / "again")]) == 0
    names = {path.name for path in (tmp_path / "again").iterdir()}
    assert names == {"clean.nii.gz", "clean.json", "page.html", "m.safetensors"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["inputs"].clear(), "must name one image"),
        (lambda r: r["asked"].update(stepps=3), "stepps"),
        (lambda r: r["outputs"].update(image="../x.nii"), "under 'outputs'"),
        (lambda r: r["outputs"].update(other="x.nii"), "under 'outputs'"),
        (lambda r: r["outputs"].pop("image"), "under 'outputs'"),
        (lambda r: r.pop("reading"), "under 'reading'"),
        (lambda r: r.update(kind="denoice"), "did you mean 'denoise'?"),
    ],
)
def test_a_record_that_is_not_one(finished, files, known, tmp_path, capsys, change, said):
    told = json.loads((finished / "clean.json").read_text())
    change(told)
    (tmp_path / "clean.json").write_text(json.dumps(told))
    assert main(["rerun", str(tmp_path / "clean.json"), "--data", str(files)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert said in error


def flipped(volume):
    return volume.data, volume.grid.placed(
        volume.grid.shape, volume.grid.affine @ np.diag([-1.0, 1.0, 1.0, 1.0])
    )


def coarser(volume):
    return volume.data, volume.grid.placed(
        volume.grid.shape, volume.grid.affine @ np.diag([2.0, 2.0, 2.0, 1.0])
    )


def far_away(volume):
    affine = volume.grid.affine.copy()
    affine[0, 3] += 500
    return volume.data, volume.grid.placed(volume.grid.shape, affine)


def smaller(volume):
    grid = volume.grid.window((0, 0, 0), (20, 20, 20))
    return volume.data[:, :20, :20, :20], grid


@pytest.mark.parametrize("moved", [flipped, coarser, far_away, smaller])
@pytest.mark.parametrize(("option", "name"), [("--mask", "mask"), ("--sigma", "level")])
def test_maps_that_lie_elsewhere_are_refused(words, files, tmp_path, capsys, moved, option, name):
    map_ = read(files / f"{name}.nii.gz")
    data, grid = moved(map_)
    elsewhere = replace(map_, data=data, grid=grid).save(tmp_path / "elsewhere.nii.gz")
    assert main(words(option, elsewhere, "--dry-run")) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "elsewhere.nii.gz: lies on Grid(" in told
    assert "onto the image" in told
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.nii.gz"]


def test_what_does_not_fit_is_refused_with_numbers(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("regkit.runs.memory.available_memory", lambda: 1 << 20)
    assert main(words()) == 4
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    for word in ("image.nii.gz (49x40x23)", "MiB of memory are needed, 1.0 MiB", "`widths`"):
        assert word in told
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_being_stopped_leaves_nothing(words, tmp_path, capsys, monkeypatch, sign):
    monkeypatch.setattr(signal, "default_int_handler", signal.getsignal(signal.SIGINT))
    monkeypatch.setattr(
        "denoise.execution.denoise_series", lambda *_, **__: os.kill(os.getpid(), sign)
    )
    assert main(words("-q")) == 128 + sign
    assert "nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_paths_are_shown_where_they_are_asked_for(words, tmp_path, files, capsys):
    assert main(words("--full-paths", "--report", tmp_path / "page.html")) == 0
    assert str(files) in capsys.readouterr().err
    record = json.loads((tmp_path / "clean.json").read_text())
    assert record["inputs"][0]["path"] == str(files / "image.nii.gz")
    assert str(files) in (tmp_path / "page.html").read_text()


def test_settings_are_not_overwritten(words, files, tmp_path, capsys):
    (tmp_path / "clean.json").write_text('{"steps": 3}')
    assert main(words("--config", tmp_path / "clean.json", "--overwrite")) == 2
    assert "would overwrite the input clean.json" in capsys.readouterr().err


def test_a_job_pickles_and_is_checked_before_it_is_read(files, tmp_path):
    config = make_denoise_config("fast", steps=2, threads=1)
    outputs = output_files({"image": tmp_path / "clean.nii.gz"}, overwrite=False)
    job = DenoiseJob(files / "image.nii.gz", config, outputs)
    again = pickle.loads(pickle.dumps(job))  # noqa: S301  what this test itself pickled
    assert again == job
    begin(again)
    with pytest.raises(InputError, match="give --output"):
        output_files({"image": None}, overwrite=False)
    other = output_files({"image": tmp_path / "clean.gif"}, overwrite=False)
    with pytest.raises(InputError, match="not an image format"):
        run(replace(job, image=Path("gone.nii"), outputs=other))


def test_progress_goes_on_after_the_last_step(files, tmp_path):
    config = make_denoise_config("fast", file=yaml.safe_load(SMALL), steps=2, threads=1)
    outputs = output_files({"image": tmp_path / "clean.nii.gz"}, overwrite=False)
    found = []
    run(DenoiseJob(files / "image.nii.gz", config, outputs), on_progress=found.append)
    stages = list(dict.fromkeys(each.stage for each in found))
    assert stages == ["learning", "applying", "uncertainty"]
    applying = [each.share for each in found if each.stage == "applying"]
    assert applying == [0.5, 1.0]
    assert found[-1].share == 1.0


def test_more_voxels_frames_and_channels_take_more_memory():
    config, wide = make_denoise_config(), make_denoise_config(widths=(32, 64, 128))
    small = denoising_memory((64, 64, 64), 1, config)
    assert small < denoising_memory((256, 256, 256), 1, config)
    assert small < denoising_memory((64, 64, 64), 40, config)
    assert small < denoising_memory((64, 64, 64), 1, wide)


# Whole runs on one thread, beyond the imports.
@pytest.mark.parametrize(
    ("shape", "frames", "settings", "measured"),
    [
        ((64, 64, 64), 1, {}, 440e6),
        ((64, 64, 64), 1, {"preset": "accurate"}, 446e6),
        ((64, 64, 64), 1, {"widths": (2, 4)}, 247e6),
        ((128, 128, 128), 1, {}, 945e6),
        ((256, 256, 64), 1, {"widths": (2, 4)}, 580e6),
        ((128, 128, 64), 4, {"widths": (2, 4)}, 512e6),
    ],
)
def test_the_estimate_is_near_what_was_measured(shape, frames, settings, measured):
    estimate = denoising_memory(shape, frames, make_denoise_config(**settings))
    assert 0.95 * measured < estimate < 1.3 * measured
