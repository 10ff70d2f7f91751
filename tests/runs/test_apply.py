"""`regkit apply` as a job."""

import json

import numpy as np
import pytest
import torch

from regkit import Affine, read, write_transform
from regkit.cli import main


@pytest.fixture
def words(head, tmp_path):
    image = head.save(tmp_path / "head.nii.gz")
    phi = write_transform(Affine(np.diag([1.1, 1, 1, 1])), tmp_path / "phi.tfm")

    def make(output, *more):
        line = ["apply", image, phi, "--onto", image, "-o", tmp_path / output, *more]
        return [*map(str, line)]

    return make


def test_a_dry_run_says_the_plan_and_writes_nothing(words, tmp_path, capsys):
    assert main(words("out.nii", "--dry-run", "--outside", "-3")) == 0
    said = capsys.readouterr().out.splitlines()
    assert "image         head.nii.gz" in said
    assert "transform     phi.tfm" in said
    assert "outside       -3" in said
    assert said[-1] == f"would write   {tmp_path / 'out.nii'}"
    assert not (tmp_path / "out.nii").exists()


def test_a_record_where_it_is_asked_for(words, tmp_path, capsys):
    record = tmp_path / "out.json"
    assert main(words("out.nii", "--record", record, "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said.pop("folder") == str(tmp_path)
    assert said == json.loads(record.read_text())
    assert (said["kind"], said["asked"]) == ("apply", {"labels": False, "outside": 0.0})
    assert [entry["role"] for entry in said["inputs"]] == ["image", "onto", "transform"]
    assert main(["rerun", str(record), "-q"]) == 0
    assert "the result is identical" in capsys.readouterr().out
    assert main(words("out.nii", "--record", record, "--resume")) == 0
    assert "was finished before" in capsys.readouterr().err
    assert main(words("out.nii", "--record", record, "--resume", "--outside", "1")) == 2
    assert "is of another run" in capsys.readouterr().err


def test_without_a_record_nothing_is_resumed(words, tmp_path, capsys):
    assert main(words("out.nii", "--resume")) == 2
    assert "apply: leaves no record, by which a run could be resumed" in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["inputs"].pop(0),
        lambda r: r["inputs"].pop(),
        lambda r: r["asked"].clear(),
        lambda r: r["outputs"].update(image="../x.nii"),
        lambda r: r.update(outputs=["x.nii"]),
    ],
)
def test_a_record_that_is_not_one(words, tmp_path, capsys, change):
    record = tmp_path / "out.json"
    assert main(words("out.nii", "--record", record)) == 0
    told = json.loads(record.read_text())
    change(told)
    record.write_text(json.dumps(told))
    capsys.readouterr()
    assert main(["rerun", str(record), "-q"]) == 2
    assert "the record must name an image, a reference" in capsys.readouterr().err


def test_voxels_that_lie_in_a_file_of_their_own_are_published_too(words, tmp_path, head, capsys):
    record = tmp_path / "out.json"
    assert main(words("out.mhd", "--record", record)) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out.mhd'}\n"
    assert main(words("out.nii.gz")) == 0
    torch.testing.assert_close(
        read(tmp_path / "out.mhd").data, read(tmp_path / "out.nii.gz").data, atol=1e-4, rtol=1e-5
    )
    digests = json.loads(record.read_text())["sha256"]
    assert digests.keys() == {"image", "image .raw"}
    assert main(["rerun", str(record), "-q"]) == 0
    (tmp_path / "out.mhd").unlink()
    assert main(words("out.mhd")) == 2
    assert "out.raw: exists" in capsys.readouterr().err


def test_what_does_not_fit_is_refused(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("regkit.runs.memory.available_memory", lambda: 1 << 20)
    assert main(words("out.nii")) == 4
    assert "head.nii.gz (24x28x20): about" in capsys.readouterr().err
    assert not (tmp_path / "out.nii").exists()
