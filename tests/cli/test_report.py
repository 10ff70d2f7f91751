"""`regkit report`: the page of a finished run, made again from its files."""

import json
import re
import shutil

import pytest
import typer

from regkit import Affine, write_transform
from regkit.cli import main
from regkit.digests import sha256
from regkit.runs import report_again


@pytest.fixture
def run(registered, tmp_path):
    return shutil.copytree(registered, tmp_path / "out")


def _titles(page):
    return re.findall(r"<h2[^>]*>(.*?)</h2>", page)


def test_a_registration_has_its_report_again(files, run, capsys):
    old = (run / "report.html").read_text()
    (run / "report.html").unlink()
    assert main(["report", str(run), "--data", str(files.fixed.parent)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    new = (run / "report.html").read_text()
    assert _titles(new) == [title for title in _titles(old) if title != "Local agreement"]
    assert "made again from the files of the run" in new
    record = json.loads((run / "run.json").read_text())
    assert record["sha256"]["report.html"] == sha256(run / "report.html")
    numbers = r">(-?[0-9]+\.[0-9]+)<"
    assert re.findall(numbers, new) == re.findall(numbers, old)


def test_another_file_leaves_the_run_as_it_is(files, run, tmp_path):
    before = {path.name: sha256(path) for path in run.iterdir()}
    words = ["report", run / "run.json", "--data", files.fixed.parent, "-o", tmp_path / "new.html"]
    assert main([*map(str, words)]) == 0
    assert (tmp_path / "new.html").stat().st_size > 10_000
    assert {path.name: sha256(path) for path in run.iterdir()} == before


def test_a_report_goes_into_no_image(files, run, capsys):
    words = ["report", run, "--data", files.fixed.parent, "-o", run / "warped.nii.gz"]
    assert main([*map(str, words)]) == 2
    assert "a report is HTML" in capsys.readouterr().err


def test_all_that_is_missing_is_named(run, capsys):
    assert main(["report", str(run)]) == 2
    said = capsys.readouterr().err
    assert "fixed.nii.gz: the fixed of this run is not here; moving.nii: the moving of" in said
    assert "name the folder that they are in with --data" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: (run / "warped.nii.gz").unlink(), "warped.nii.gz: is missing"),
        (lambda run: (run / "jacobian.nii.gz").write_bytes(b"0"), "is another file now"),
        (lambda run: (run / "run.json").unlink(), "holds no run.json; give the folder"),
    ],
)
def test_a_report_is_made_of_the_files_of_the_run_alone(files, run, capsys, change, said):
    change(run)
    assert main(["report", str(run), "--data", str(files.fixed.parent)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["quality"].pop("checks"),
        lambda r: r.pop("stages"),
        lambda r: r["config"].update(more=1),
        lambda r: r["metrics"].update(folding="all"),
        lambda r: r.update(outputs=["../report.html", "run.json"]),
    ],
)
def test_a_damaged_record(files, run, capsys, change):
    record = json.loads((run / "run.json").read_text())
    change(record)
    (run / "run.json").write_text(json.dumps(record))
    assert main(["report", str(run), "--data", str(files.fixed.parent)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_it_is_opened_where_that_is_asked_for(files, run, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(typer, "launch", opened.append)
    before = sha256(run / "report.html")
    assert main(["report", str(run), "--open"]) == 0  # what is there, without its inputs
    assert (opened, sha256(run / "report.html")) == ([str(run / "report.html")], before)


def test_a_run_without_a_report_says_so(head, tmp_path, capsys):
    image, record = head.save(tmp_path / "head.nii.gz"), tmp_path / "out.json"
    phi = write_transform(Affine.identity(), tmp_path / "phi.h5")
    words = ["apply", image, phi, "--onto", image, "-o", tmp_path / "out.nii", "--record", record]
    assert main([*map(str, words)]) == 0
    assert main(["report", str(record)]) == 2
    said = "a run of 'apply' makes no report; look at what it wrote: out.nii\n"
    assert capsys.readouterr().err.endswith(said)


def test_a_report_that_no_file_keeps_says_what_makes_it(files, run, monkeypatch, capsys):
    monkeypatch.setattr(report_again, "job_again", lambda *_: object())
    assert main(["report", str(run), "--data", str(files.fixed.parent)]) == 2
    assert "shows what no file keeps; `regkit rerun RUN.JSON -o FOLDER`" in capsys.readouterr().err
