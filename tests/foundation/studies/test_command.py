"""`regkit study` as a user types it."""

import json

import pytest

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
def test_a_configuration_that_is_not_there_is_one_line(kind, tmp_path, capsys):
    assert study(kind, tmp_path / "nowhere.yaml") == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "nowhere.yaml" in said
