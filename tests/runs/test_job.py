"""What every job gets for nothing, by one that is not regkit's."""

import json
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from regkit import InputError, ResourceError
from regkit.cli import main
from regkit.cli.running import Running
from regkit.cli.stopping import StopRequest, stoppable
from regkit.runs import begin, is_finished, run
from regkit.runs.kinds import JOBS_GROUP
from regkit.runs.rerun import reproducible_outputs
from tests.runs.scaling import Reported, ReportingJob, Scaled, ScalingJob, TwoFiles

ROOT = Path(__file__).parents[2]
RUN = """
import pickle, sys
from regkit.runs import run
job = pickle.load(sys.stdin.buffer)
pickle.dump(run(job), sys.stdout.buffer)
"""


@pytest.fixture
def job(tmp_path):
    (tmp_path / "in.txt").write_text("1 2 3.5")
    return ScalingJob(tmp_path / "in.txt", tmp_path / "out")


def decisive(record):
    """What two runs of one job have in common."""
    return {name: value for name, value in record.items() if name not in ("seconds",
            "peak_memory_mb")}  # fmt: skip


def test_a_run_leaves_its_outputs_and_a_record(job):
    done = run(job)
    assert sorted(path.name for path in job.folder.iterdir()) == ["numbers.txt", "run.json"]
    assert (job.folder / "numbers.txt").read_text() == "scaling\n2.0\n4.0\n7.0\n"
    record = json.loads((job.folder / "run.json").read_text())
    assert record == done.record
    assert (record["status"], record["kind"], record["total"]) == ("done", "scaling", 13.0)
    assert record["asked"] == {"factor": 2.0, "pair": [1, 2]}
    assert record["inputs"][0]["file"] == "in.txt"
    assert record["outputs"] == ["numbers.txt", "run.json"]
    assert list(record["sha256"]) == ["numbers.txt"]
    assert record["notices"] == ["they are few"]
    assert {"versions", "machine", "seconds", "peak_memory_mb"} <= set(record)
    assert done.summary == ("done    13 in all",)


@pytest.fixture
def reporting(job):
    return ReportingJob(job.source, job.folder)


def test_a_job_with_a_page_gets_its_report(reporting):
    done = run(reporting)
    page = (reporting.folder / "report.html").read_text()
    for shown in ("1 of 1 automatic checks did not pass", "There are enough.", "<p>&lt;b&gt;</p>",
                  '<li class="note">they are few</li>', "<td>in.txt</td>", "Total time",
                  '<th scope="row">factor</th><td>2</td>'):  # fmt: skip
        assert shown in page
    assert str(reporting.source.parent) not in page
    assert set(done.record["sha256"]) == {"numbers.txt", "report.html"}


def test_a_report_that_fails_leaves_nothing(reporting, monkeypatch):
    monkeypatch.setattr(Reported, "page", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(reporting)
    assert not reporting.folder.exists()


def test_a_report_is_not_compared_when_a_run_is_repeated(reporting):
    assert reproducible_outputs(run(reporting).record) == ["numbers.txt"]


def test_progress_is_reported(job):
    found = []
    run(job, on_progress=found.append)
    assert [(each.stage, each.share) for each in found] == [("scaling", 0.5)]


def test_the_command_line_shows_all_of_it(job, capsys):
    assert Running().carry_out(job).record["total"] == 13
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(job.folder / n) for n in ("numbers.txt", "run.json")]
    assert told.err.splitlines() == [
        "numbers are read", "notice  they are few", "half of it", "done    13 in all"
    ]  # fmt: skip


def test_json_is_alone_on_stdout(job, capsys):
    Running(as_json=True, quiet=True).carry_out(job)
    told = capsys.readouterr()
    said = json.loads(told.out)
    assert said.pop("folder") == str(job.folder)
    assert said == json.loads((job.folder / "run.json").read_text())
    assert told.err == ""


def test_a_dry_run_shows_the_plan_and_writes_nothing(job, capsys):
    assert Running(dry_run=True).carry_out(job) is None
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ["numbers       in.txt", "factor        2"]
    assert shown[-1] == f"would write   {job.folder / 'run.json'}"
    assert "nothing" not in "".join(shown)
    Running(dry_run=True, as_json=True).carry_out(job)
    plan = json.loads(capsys.readouterr().out)
    assert plan["inputs"] == [{"role": "numbers", "file": "in.txt"}]
    assert plan["outputs"] == ["numbers.txt", "run.json"]
    assert not job.folder.exists()


def test_what_is_not_allowed_is_refused_before_anything_is_read(job):
    with pytest.raises(InputError, match="factor 0 leaves nothing"):
        run(replace(job, factor=0, source=Path("gone")))
    run(job)
    with pytest.raises(InputError, match=r"numbers\.txt: exists"):
        run(job)
    with pytest.raises(InputError, match="would overwrite the input"):
        run(replace(job, source=job.folder / "numbers.txt", overwrite=True))


def test_a_job_that_does_not_fit_is_refused(job):
    with pytest.raises(ResourceError, match=r"in\.txt: about .* are free; use fewer numbers"):
        begin(replace(job, memory=1 << 60))
    assert not job.folder.exists()


@pytest.mark.parametrize("method", ["write", "entries"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("no")])
def test_what_is_stopped_leaves_nothing(job, monkeypatch, method, error):
    def fails(*_args):
        raise error

    monkeypatch.setattr(Scaled, method, fails)
    with pytest.raises(type(error)):
        run(job)
    assert not job.folder.exists()


def test_a_signal_leaves_nothing(job, monkeypatch):
    monkeypatch.setattr(Scaled, "summary", None)
    monkeypatch.setattr(Scaled, "write", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(StopRequest, match="nothing was written"), stoppable():
        run(job)
    assert not job.folder.exists()


def test_resume_leaves_what_is_finished(job, capsys):
    assert not is_finished(job)
    Running(resume=True, quiet=True).carry_out(job)
    written = (job.folder / "run.json").stat().st_mtime_ns
    again = replace(job, overwrite=True)
    left = job.folder / ".regkit-partial-999999999-00000000-00000000"
    capsys.readouterr()
    assert Running(resume=True).carry_out(again) is None
    assert "out: was finished before" in capsys.readouterr().err
    assert (job.folder / "run.json").stat().st_mtime_ns == written
    assert not left.exists()
    (job.folder / "numbers.txt").write_text("half")
    assert Running(resume=True, quiet=True).carry_out(again) is not None
    assert is_finished(again)


@pytest.mark.parametrize(
    ("change", "what"),
    [({"factor": 3.0}, "asked"), ({"source": Path("other.txt")}, "inputs"), ({}, "kind")],
)
def test_resume_refuses_the_results_of_another_run(job, tmp_path, change, what):
    run(job)
    (tmp_path / "other.txt").write_text("5")
    if "source" in change:
        change = {"source": tmp_path / "other.txt"}
    other = replace(job, overwrite=True, **change)
    if not change:
        other = type("Other", (ScalingJob,), {"kind": "other"})(job.source, job.folder)
    with pytest.raises(InputError, match=rf"is of another run \(its {what} differ\)"):
        is_finished(other)


def test_what_a_killed_run_left_is_removed_when_its_work_was_done(job):
    run(job)
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, check=True, text=True)  # fmt: skip
    from regkit.io.atomic import owner_tag

    parts = owner_tag().split("-")
    left = job.folder / f".regkit-partial-{done.stdout.strip()}-{parts[1]}-{parts[2]}"
    left.mkdir()
    assert is_finished(job)
    assert not left.exists()


@pytest.fixture
def known(monkeypatch):
    """The job, as its package would make it known."""
    entry = EntryPoint("scaling", "tests.runs.scaling:again", JOBS_GROUP)
    monkeypatch.setattr("regkit.plugins.entry_points", lambda group: [entry])


def test_a_run_is_repeated_by_its_record(job, known, capsys):
    run(job)
    record = job.folder / "run.json"
    assert main(["rerun", str(record), "-q"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "identical  numbers.txt", "the result is identical"
    ]  # fmt: skip
    told = json.loads(record.read_text())
    told["asked"]["factor"] = 3.0
    record.write_text(json.dumps(told))
    assert main(["rerun", str(record), "-q", "-o", str(job.folder.parent / "again")]) == 3
    assert "differs    numbers.txt" in capsys.readouterr().out
    assert (job.folder.parent / "again" / "run.json").exists()


def test_a_record_of_an_unknown_kind_is_refused(job, capsys):
    run(job)
    assert main(["rerun", str(job.folder / "run.json")]) == 2
    assert "a run of 'scaling', which nothing here knows" in capsys.readouterr().err


def test_a_job_says_the_same_in_another_process(job):
    here = run(job)
    there = replace(job, folder=job.folder.with_name("there"))
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=pickle.dumps(there), capture_output=True, cwd=ROOT,
        check=True,
    )  # fmt: skip
    found = pickle.loads(done.stdout)  # noqa: S301
    assert decisive(found.record) == decisive(here.record)
    assert found.summary == here.summary
    assert (there.folder / "numbers.txt").read_bytes() == (job.folder / "numbers.txt").read_bytes()


def test_errors_cross_the_border_of_a_process():
    for error in (InputError("a.nii: no"), ResourceError("too large")):
        back = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert (type(back), str(back)) == (type(error), str(error))


def test_files_with_names_of_their_own(job, tmp_path):
    two = TwoFiles(job.source, tmp_path)
    done = run(two)
    assert done.as_text() == str(tmp_path / "n.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "n.json", "n.txt"]
    record = json.loads((tmp_path / "n.json").read_text())
    assert record["outputs"] == {"numbers.txt": "n.txt", "record": "n.json"}
    assert list(record["sha256"]) == ["numbers.txt"]


def test_outputs_go_elsewhere_under_names_that_differ(tmp_path):
    from regkit.runs import Files

    both = Files((("image", tmp_path / "a" / "x.nii"), ("map", tmp_path / "b" / "x.nii")))
    moved = both.moved(tmp_path).places()
    assert {path.name for path in moved.values()} == {"x.nii", "map-x.nii"}
