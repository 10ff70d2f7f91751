"""`regkit study` as a user types it."""

import json

import pytest
import torch
import yaml

from foundation.segmenters.registry import model_weights
from foundation.studies.cells import read_cells
from regkit.cli import main


def study(*words):
    return main(["study", *map(str, words)])


def test_the_models_are_listed(capsys):
    assert study("models") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("echo ") and "what a model must beat" in line for line in lines)
    unverified = {line.split()[0] for line in lines if "(weights unverified)" in line}
    assert unverified == {"nninteractive", "sam-med3d", "sam2", "vista3d"}


def test_a_dry_run_lists_what_would_be_done_and_writes_nothing(robustness, tmp_path, capsys):
    file, _ = robustness()
    assert study("robustness", file, "-o", tmp_path / "out", "--dry-run") == 0
    assert capsys.readouterr().out.split() == ["echo_one", "echo_two"]
    assert not (tmp_path / "out").exists()


def test_a_study_runs_on_workers_and_is_not_done_twice(robustness, tmp_path, capsys):
    file, _ = robustness()
    words = ("robustness", file, "-o", tmp_path / "out", "--workers", 1, "--quiet")
    assert study(*words) == 0
    assert len(read_cells(tmp_path / "out" / "cells.parquet")) == 24
    before = (tmp_path / "out" / "cells.parquet").read_bytes()
    assert study(*words) == 2  # it is there
    assert "allow overwriting it" in capsys.readouterr().err
    assert study(*words, "--resume", "--json") == 0
    assert json.loads(capsys.readouterr().out)["before"] == 2
    assert (tmp_path / "out" / "cells.parquet").read_bytes() == before


@pytest.mark.parametrize("kind", ["robustness", "generalization"])
def test_a_study_of_other_settings_is_not_gone_on_with(robustness, cases, kind, tmp_path, capsys):
    """Its rows would all fail, and the table of the first one be written over with nothing."""
    folder, (one, _) = cases
    given = {
        "study": "test", "models": ["echo"], "cases": [{**one, "domain": "T1"}],
        "labels": {"large": 1, "small": 2}, "sources": ["mask"], "in_domain": "T1",
    }  # fmt: skip
    file = folder / "kept.yaml"
    if kind == "robustness":
        for name in ("sources", "in_domain"):
            del given[name]
        given["perturbations"] = [{"name": "dilate", "magnitudes": [2]}]
    words = (kind, file, "-o", tmp_path / "out", "--workers", 1, "--quiet")
    file.write_text(yaml.safe_dump(given))
    assert study(*words) == 0
    results = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    file.write_text(yaml.safe_dump({**given, "tolerance": 1.0}))
    capsys.readouterr()
    assert study(*words, "--resume") == 2
    assert "echo_one has results of other settings; choose another" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in results} == results


@pytest.fixture
def trained(tmp_path):
    """Write the weights of a whole-image network, brighter or darker voxels being inside."""

    class Threshold(torch.nn.Module):
        def __init__(self, sign):
            super().__init__()
            self.sign = sign

        def forward(self, x):
            return self.sign * (x - 0.5)

    def write(sign):
        torch.jit.script(Threshold(sign)).save(tmp_path / "net.pt")

    write.model = f"torchscript={tmp_path / 'net.pt'}"
    return write


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("as_source", [False, True])
def test_rows_that_wait_for_weights_are_done_once_they_are_there(
    cases, trained, tmp_path, capsys, as_source
):
    """Those of the model itself, and those of one whose answers are its prompts."""
    folder, (one, _) = cases
    file = folder / "weights.yaml"
    given = {
        "study": "test", "models": ["echo" if as_source else trained.model],
        "cases": [{**one, "domain": "T1"}], "labels": {"large": 1}, "in_domain": "T1",
        "sources": [f"model:{trained.model}" if as_source else "none"], "resamples": 200,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(given))
    words = ("generalization", file, "-o", tmp_path / "out", "--workers", 1, "--quiet", "--resume")
    table = tmp_path / "out" / "cells.parquet"
    for write, status in ((lambda: None, "unsupported"), (lambda: trained(1.0), "done")):
        write()
        model_weights.cache_clear()  # each command is a process of its own
        assert study(*words) == 0
        assert [cell.status for cell in read_cells(table)] == [status]
    trained(-1.0)
    model_weights.cache_clear()
    capsys.readouterr()
    assert study(*words) == 2
    said = capsys.readouterr().err
    assert "has other weights than in" in said
    assert "pass --overwrite" in said


@pytest.mark.parametrize("kind", ["robustness", "generalization"])
def test_a_configuration_that_is_not_there_is_one_line(kind, tmp_path, capsys):
    assert study(kind, tmp_path / "nowhere.yaml") == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "nowhere.yaml" in said
