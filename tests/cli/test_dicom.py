"""Folders of DICOM files through commands: registered, recorded, found again."""

import json
import re

import pytest

from regkit.cli import main
from tests.io.dicom.writer import PATIENT, write_series


@pytest.fixture(scope="module")
def pair(head, tmp_path_factory):
    """Two visits in one folder, whose values are whole."""
    folder = tmp_path_factory.mktemp("dicom")
    fixed = head.with_data(head.data.round().short())
    write_series(folder / "fixed", fixed, number=1)
    write_series(folder / "moving", fixed.with_data(fixed.data.roll(1, 2)), number=2)
    (folder / "few.yaml").write_text("linear: {spacings: [4.0], iterations: 5}\n")
    return folder


def words(folder, *more):
    given = ["register", folder / "fixed", folder / "moving", "--config", folder / "few.yaml"]
    return [*map(str, given), "--transform", "rigid", "--threads", "1", "-q", *map(str, more)]


@pytest.fixture(scope="module")
def out(pair, tmp_path_factory):
    place = tmp_path_factory.mktemp("run") / "out"
    assert main(words(pair, "-o", place)) == 0
    return place


def test_the_record_knows_both_folders(out):
    inputs = json.loads((out / "run.json").read_text())["inputs"]
    assert [(each["role"], each["file"]) for each in inputs] == [
        ("fixed", "fixed"), ("moving", "moving")
    ]  # fmt: skip
    assert len({each["sha256"] for each in inputs}) == 2


def test_nothing_of_the_patient_is_written(out):
    for path in out.iterdir():
        content = path.read_bytes()
        for secret in (PATIENT, "Doe", "ID-1066", "19700101"):  # the viewer's script says "Does"
            assert not re.search(rb"\b" + re.escape(secret.encode()) + rb"\b", content), path.name


def test_a_run_of_folders_gives_the_same_again(pair, out, capsys):
    assert main(["rerun", str(out / "run.json"), "--data", str(pair), "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the result is identical"


def test_a_finished_run_is_not_done_again(pair, out, capsys):
    assert main(words(pair, "-o", out, "--resume")) == 0
    assert capsys.readouterr().out == ""


def test_results_do_not_go_among_the_slices(pair, capsys):
    assert main(words(pair, "-o", pair / "fixed" / "out")) == 2
    assert "would be written into the input fixed; choose another folder" in capsys.readouterr().err
    assert not (pair / "fixed" / "out").exists()


def test_a_series_is_chosen_for_the_one_that_holds_several(pair, out, tmp_path):
    given = ["apply", pair, out / "transform.h5", "--onto", pair / "fixed", "--series", 2]
    assert main([*map(str, given), "-o", str(tmp_path / "a.nii.gz"), "-q"]) == 0
