import json
import shutil

import pytest

from regkit.cli import main


@pytest.fixture
def record(registered, tmp_path):
    return shutil.copytree(registered, tmp_path / "out") / "run.json"


def test_a_run_gives_the_same_again(files, record, capsys):
    assert main(["rerun", str(record), "--data", str(files.fixed.parent), "--quiet"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "the result is identical"
    assert "identical  warped.nii.gz" in said


def test_what_differs_is_named(files, record, tmp_path, capsys):
    known = json.loads(record.read_text())
    known["sha256"]["warped.nii.gz"] = "0" * 64
    known["versions"]["torch"] = "1.0"
    known["machine"]["threads"] = 7
    record.write_text(json.dumps(known))
    words = ["rerun", record, "--data", files.fixed.parent, "-q", "-o", tmp_path / "again"]
    assert main([*map(str, words)]) == 3
    said = capsys.readouterr().out.splitlines()
    assert "differs    warped.nii.gz" in said
    assert said[-1].startswith("the result differs; torch: 1.0 before, ")
    assert ", threads: 7 before, " in said[-1]
    assert (tmp_path / "again" / "warped.nii.gz").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["inputs"][0].update(file="../canary"), "no base name"),
        (
            lambda r: r["inputs"][0].update(file="gone.nii"),
            "gone.nii: the fixed of this run is not",
        ),
        (lambda r: r["inputs"][0].update(sha256="0"), "is another file now"),
        (lambda r: r["inputs"].pop(0), "one fixed and one moving"),
        (lambda r: r["asked"].update(similarty="mse"), "similarty"),
        (lambda r: r["reading"].update(more=1), "under 'reading'"),
        (lambda r: r["reading"].update(max_bytes="all"), "max_bytes is 'all'"),
        (lambda r: r.pop("asked"), "it has no 'asked'"),
    ],
)
def test_a_record_that_is_not_one(files, record, capsys, change, said):
    known = json.loads(record.read_text())
    change(known)
    record.write_text(json.dumps(known))
    assert main(["rerun", str(record), "--data", str(files.fixed.parent)]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert said in told


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000])
def test_no_record_at_all(tmp_path, capsys, text):
    (tmp_path / "run.json").write_text(text)
    assert main(["rerun", str(tmp_path / "run.json")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
