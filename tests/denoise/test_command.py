import errno
import gzip
import json
import re
from base64 import b64decode
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from denoise.config import DenoiseConfig
from denoise.methods import make_method
from denoise.weights import read_method, save_method
from regkit import InputError, read
from regkit.cli import main
from regkit.cli.exits import exit_code
from regkit.io import ReadOptions, preflight
from regkit.io.formats.nifti.voxels import write_image

FEW = ("--preset", "fast", "--steps", "20", "--threads", "1")


@pytest.fixture(scope="module")
def files(noisy, tmp_path_factory):
    """The noisy image and a mask of it, as files."""
    folder = tmp_path_factory.mktemp("noisy")
    mask = (noisy.clean.data > 1).to(torch.uint8)
    noisy.image.save(folder / "image.nii.gz")
    noisy.image.with_data(mask).save(folder / "mask.nii.gz")
    return folder


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    """The folder of one run with everything that it can write."""
    out = tmp_path_factory.mktemp("run")
    extra = {
        "report": "report.html", "residual": "residual.nii.gz", "save-model": "model.safetensors",
        "uncertainty": "left.nii.gz", "sigma-map": "sigma.nii.gz",
    }  # fmt: skip
    words = ["denoise", str(files / "image.nii.gz"), "-o", str(out / "clean.nii.gz"), *FEW]
    for option, name in extra.items():
        words += [f"--{option}", str(out / name)]
    assert main(words) == 0
    return out


def test_everything_that_was_asked_for_is_written(run, noisy):
    names = {path.name for path in run.iterdir()}
    assert names == {
        "clean.nii.gz", "clean.json", "report.html", "residual.nii.gz", "left.nii.gz",
        "sigma.nii.gz", "model.safetensors",
    }  # fmt: skip
    clean, residual = read(run / "clean.nii.gz"), read(run / "residual.nii.gz")
    assert np.allclose(clean.grid.affine, noisy.image.grid.affine, atol=1e-4)
    assert clean.data.dtype == noisy.image.data.dtype
    torch.testing.assert_close(clean.data + residual.data, noisy.image.data, atol=1e-4, rtol=0)


def test_the_record_says_what_was_done(run):
    record = json.loads((run / "clean.json").read_text())
    assert record["method"] == "recorrupted"
    assert record["noise"] == "gaussian"
    assert record["sigma"] == pytest.approx(8, rel=0.1)
    assert record["inputs"][0]["file"] == "image.nii.gz"
    assert record["config"]["steps"] == 20
    assert record["history"][-1]["step"] == 20
    assert record["peak_memory_mb"] > 0


def test_the_report_holds_all_it_shows(run):
    page = (run / "report.html").read_text()
    for title in ("Before and after", "What was removed", "Uncertainty", "Noise",
                  "When learning stopped", "The run", "How to cite"):  # fmt: skip
        assert f"<h2>{title}</h2>" in page
    assert page.count("<img") == 6
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert str(run) not in page


def test_the_viewer_has_the_image_before_after_and_what_was_removed(run, noisy):
    page = (run / "report.html").read_text()
    held = re.findall(r'class="volume" data-name="([^"]*)" data-kind="([^"]*)"[^>]*>([^<]*)<', page)
    assert [each[:2] for each in held] == [
        ("before", "image"), ("after", "image"), ("removed", "signed"),
    ]  # fmt: skip
    before, after, removed = (
        nib.Nifti1Image.from_bytes(gzip.decompress(b64decode(data))) for *_, data in held
    )
    assert before.shape == noisy.image.grid.reoriented("RAS").shape
    inner = (after.dataobj.get_unscaled() % 254 > 1) & (before.dataobj.get_unscaled() % 254 > 1)
    apart = (before.get_fdata() - after.get_fdata() - removed.get_fdata())[inner]
    assert np.abs(apart).mean() < 1


def test_a_saved_model_is_applied_without_learning(run, files, tmp_path, capsys):
    out = tmp_path / "again.nii.gz"
    words = ["denoise", files / "image.nii.gz", "-o", out, "--model", run / "model.safetensors"]
    assert main([*map(str, words), *FEW]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert torch.equal(read(out).data, read(run / "clean.nii.gz").data)
    assert json.loads((tmp_path / "again.json").read_text())["history"] == []


def test_a_series_is_denoised_frame_by_frame(noisy, tmp_path, capsys):
    data = np.stack([noisy.image.data[0].numpy()] * 3, -1)
    write_image(data, noisy.image.grid, tmp_path / "series.nii.gz", repetition=4.5)
    words = ["denoise", str(tmp_path / "series.nii.gz"), "-o", str(tmp_path / "out.nii.gz")]
    assert main([*words, *FEW, "--quiet"]) == 0
    assert preflight(tmp_path / "out.nii.gz", ReadOptions(frame=0)).repetition == 4.5
    frames = [read(tmp_path / "out.nii.gz", frame=n) for n in range(3)]
    assert torch.equal(frames[0].data, frames[2].data)
    assert not torch.equal(frames[0].data, noisy.image.data)
    assert len(json.loads((tmp_path / "out.json").read_text())["frames"]) == 3
    assert capsys.readouterr().err == ""
    one = ["denoise", str(tmp_path / "series.nii.gz"), "-o", str(tmp_path / "one.nii.gz")]
    assert main([*one, *FEW, "--frame", "1"]) == 0
    assert read(tmp_path / "one.nii.gz").grid.shape == noisy.image.grid.shape
    mean = ["denoise", str(tmp_path / "series.nii.gz"), "-o", str(tmp_path / "mean.nii.gz")]
    assert main([*mean, *FEW, "--frames", "repeats"]) == 0
    assert read(tmp_path / "mean.nii.gz").grid.shape == noisy.image.grid.shape


def test_files_appear_together_or_not_at_all(files, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise OSError("no")

    monkeypatch.setattr("denoise.report.page.denoising_page", broken)
    words = ["denoise", files / "image.nii.gz", "-o", tmp_path / "clean.nii.gz", "--report",
             tmp_path / "report.html", "--residual", tmp_path / "residual.nii.gz"]  # fmt: skip
    assert main([*map(str, words), *FEW, "--steps", "2"]) != 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_settings_reaches_what_has_no_option(files, tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("method: blindspot\nnetwork: rotated\nwidths: [4, 6]\n")
    words = ["denoise", files / "image.nii.gz", "-o", tmp_path / "clean.nii.gz", "--config",
             tmp_path / "mine.yaml", "--save-model", tmp_path / "m.safetensors"]  # fmt: skip
    assert main([*map(str, words), *FEW]) == 0
    record = json.loads((tmp_path / "clean.json").read_text())
    assert (record["method"], record["config"]["network"]) == ("blindspot", "rotated")
    assert read_method(tmp_path / "m.safetensors")[0].name == "blindspot"
    (tmp_path / "mine.yaml").write_text("conditon: slices")
    assert main([*map(str, words), *FEW, "--overwrite"]) == 2
    assert "did you mean 'condition'" in capsys.readouterr().err


def test_sigma_and_mask_are_taken(files, tmp_path):
    out = tmp_path / "clean.nii.gz"
    words = ["denoise", files / "image.nii.gz", "-o", out, "--mask", files / "mask.nii.gz"]
    assert main([*map(str, words), *FEW, "--sigma", "6.5", "--noise", "gaussian"]) == 0
    assert json.loads((tmp_path / "clean.json").read_text())["sigma"] == 6.5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "image.nii.gz"], "would overwrite the input"),
        (["-o", "clean.xyz"], "not an image format"),
        (["-o", "clean.png"], "holds uint8, uint16, int32, not float32"),
        (["-o", "nowhere/clean.nii"], "does not exist"),
        (["-o", "clean.nii", "--report", "clean.nii"], "two outputs have one name"),
        (["-o", "clean.nii", "--model", "none.safetensors"], "there is no such file"),
        (["-o", "clean.nii", "--model", "mask.nii.gz"], "is no model of regkit denoise"),
        (["-o", "clean.nii", "--sigma", "strong"], "strong: not found"),
        (["-o", "clean.nii", "--sigma", "-3"], "greater than or equal to 0"),
        (["-o", "clean.nii", "--frame", "4"], "frame"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_before_the_work(files, monkeypatch, capsys, words, said):
    monkeypatch.chdir(files)
    before = sorted(files.iterdir())
    assert main(["denoise", "image.nii.gz", *words, *FEW]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") <= 2
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize("method", ["recorrupted", "blindspot", "noise2void", "noise2self"])
@pytest.mark.parametrize("dimensions", ["2.5", "3"])
def test_a_model_survives_its_file(tmp_path, method, dimensions):
    config = DenoiseConfig(method=method, dimensions=dimensions, widths=(4, 6))
    made = make_method(config, (32, 32, 16), (1.0, 1.0, 3.0))
    save_method(made, tmp_path / "a.safetensors", sigma=0.1)
    found, sigma = read_method(tmp_path / "a.safetensors")
    assert (found.name, found.reach, found.multiple, sigma) == (
        made.name, made.reach, made.multiple, 0.1
    )  # fmt: skip
    image = torch.rand(1, 1, 12, 11, 9)
    with torch.no_grad():
        assert torch.equal(found.network(image), made.network(image))


def test_a_damaged_model_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"not a model")
    with pytest.raises(InputError, match="is no model"):
        read_method(path)


def test_a_model_is_as_readable_as_any_file_and_a_full_disk_is_no_bug(quick, tmp_path, monkeypatch):
    method = make_method(quick, (24, 24, 24), (1.0, 1.0, 1.0))
    save_method(method, tmp_path / "model.safetensors", sigma=0.1)
    (tmp_path / "other").touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("model.safetensors", "other")]
    assert modes[0] == modes[1]

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as raised:
        save_method(method, tmp_path / "again.safetensors", sigma=0.1)
    assert exit_code(raised.value) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "other"]
