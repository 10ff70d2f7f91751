"""`regkit train` as a job: planned, gone on with, finished, repeated, and alone in its folder."""

import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from regkit import InputError, Labels, ResourceError, read
from regkit.cli import main
from regkit.runs import RECORD, begin, is_finished, run
from regkit.runs.train import TrainJob
from regkit.training.loop import LOG, STATE, WEIGHTS, train
from regkit.training.tasks import open_task

ROOT = Path(__file__).parents[2]


@pytest.fixture
def words(tmp_path, head):
    """A tiny run on two images of an oblique grid, and made-up shapes."""
    (tmp_path / "images").mkdir()
    rows = ["image,subject,labels"]
    for name, factor in (("a", 1.0), ("b", 2.0)):
        head.with_data(factor * head.data).save(tmp_path / "images" / f"{name}.nii.gz")
        Labels((head.data > 0).to(torch.int16), head.grid).save(
            tmp_path / "images" / f"l{name}.nii"
        )
        rows.append(f"images/{name}.nii.gz,{name},images/l{name}.nii")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    return {
        "task": "registration", "output": str(tmp_path / "run"), "threads": 1,
        "stages": [{"networks": 1, "steps": 2, "learning_rate": 1e-3}],
        "sources": [
            {"name": "shapes", "synthesis": "shapes"},
            {"name": "heads", "table": str(tmp_path / "table.csv"), "intensity": "mr"},
        ],
        "down": [2, 4, 8, 8], "up": [4, 8, 8], "shape": 16, "report_every": 1,
    }  # fmt: skip


@pytest.fixture
def recipe(words, tmp_path):
    """The same as a file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(words))
    return path


def test_a_dry_run_shows_the_plan_and_writes_nothing(recipe, tmp_path, capsys):
    assert main(["train", "--config", str(recipe), "--dry-run", "-q"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "sources.1.table table.csv"
    assert "data          4 files" in shown
    assert "begins        anew" in shown
    assert "threads       1" in shown
    assert shown[-2:] == [f"would write   {tmp_path / 'run' / name}" for name in (WEIGHTS, RECORD)]
    assert main(["train", "--config", str(recipe), "--dry-run", "--json", "-q"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["inputs"] == [{"role": "sources.1.table", "file": "table.csv"}]
    assert plan["config"]["sources"][1]["table"] == "table.csv"
    assert plan["outputs"] == [WEIGHTS, RECORD]
    assert not (tmp_path / "run").exists()


def test_a_run_leaves_weights_a_log_and_a_record(recipe, tmp_path, capsys):
    out = tmp_path / "here"
    assert main(["train", "--config", str(recipe), "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [str(out / WEIGHTS)]
    assert "data    4 files" in told.err
    assert "train      stage 0  step      2  loss" in told.err
    record = json.loads((out / RECORD).read_text())
    assert (record["status"], record["kind"], record["outputs"]) == ("done", "train",
                                                                     [WEIGHTS, RECORD])  # fmt: skip
    assert [(each["role"], each["file"]) for each in record["inputs"]] == [
        ("sources.1.table", "table.csv")
    ]
    assert [each["file"] for each in record["data"]] == ["a.nii.gz", "la.nii", "b.nii.gz", "lb.nii"]
    assert all(len(each["sha256"]) == 64 for each in (*record["inputs"], *record["data"]))
    assert record["asked"]["stages"][0]["steps"] == 2
    assert record["run"]["threads"] == 1
    assert record["last"]["train"]["loss"] > 0
    assert str(tmp_path) not in (out / RECORD).read_text()
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [LOG, RECORD, STATE, WEIGHTS, "prepared"]
    )


def test_a_stopped_run_goes_on_and_a_finished_one_is_left(words, recipe, tmp_path, capsys):
    train(open_task(words, "x"), lambda _: None, until=1)
    assert main(["train", "--config", str(recipe), "--dry-run", "-q"]) == 0
    assert f"begins        where {STATE} was written" in capsys.readouterr().out
    assert main(["train", "--config", str(recipe)]) == 0
    told = capsys.readouterr().err
    assert "step      2" in told
    assert "step      1" not in told
    whole = run(TrainJob({**words, "output": str(tmp_path / "whole")}))
    assert whole.record["sha256"] == json.loads((tmp_path / "run" / RECORD).read_text())["sha256"]
    before = (tmp_path / "run" / RECORD).stat().st_mtime_ns
    assert main(["train", "--config", str(recipe)]) == 0
    assert "run: was finished before" in capsys.readouterr().err
    assert (tmp_path / "run" / RECORD).stat().st_mtime_ns == before


def test_another_run_is_not_written_over_but_for_the_asking(words, recipe, tmp_path, capsys):
    run(TrainJob(words))
    recipe.write_text(yaml.safe_dump({**words, "seed": 3}))
    assert main(["train", "--config", str(recipe), "-q"]) == 2
    assert "is of another run" in capsys.readouterr().err
    assert main(["train", "--config", str(recipe), "-q", "--overwrite"]) == 0
    assert json.loads((tmp_path / "run" / RECORD).read_text())["asked"]["seed"] == 3
    assert len((tmp_path / "run" / LOG).read_text().splitlines()) == 2


def test_a_run_is_repeated_by_its_record(words, tmp_path, capsys):
    run(TrainJob(words))
    record = tmp_path / "run" / RECORD
    assert main(["rerun", str(record), "-q"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"identical  {WEIGHTS}", "the result is identical"
    ]  # fmt: skip
    image = read(tmp_path / "images" / "b.nii.gz").load()
    image.with_data(image.data + 1).save(tmp_path / "images" / "b.nii.gz", overwrite=True)
    assert main(["rerun", str(record), "-q"]) == 2
    assert "b.nii.gz: " in capsys.readouterr().err


def test_a_damaged_record_is_refused(words, tmp_path, capsys):
    run(TrainJob(words))
    path = tmp_path / "run" / RECORD
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "data": record["data"][:1]}))
    assert main(["rerun", str(path), "-q"]) == 2
    assert "was learned from 1 files, now there are 4" in capsys.readouterr().err
    record["inputs"][0]["role"] = "sources.7.table"
    path.write_text(json.dumps(record))
    assert main(["rerun", str(path), "-q"]) == 2
    assert "has no setting 'sources.7.table'" in capsys.readouterr().err


def test_two_in_one_folder_are_one_too_many(words, recipe, tmp_path, capsys):
    first = TrainJob({**words, "stages": [{"networks": 1, "steps": 1}]})
    with first.outputs.staged():
        assert main(["train", "--config", str(recipe), "-q"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"run: process {os.getpid()} is writing its run.json here; wait for it" in said
    assert not (tmp_path / "run" / RECORD).exists()


def test_what_is_stopped_says_what_is_left(words, recipe, tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("regkit.runs.train.train", interrupted)
    assert main(["train", "--config", str(recipe), "-q"]) == 130
    assert "no checkpoint was written yet" in capsys.readouterr().err
    train(open_task(words, "x"), lambda _: None, until=1)
    assert main(["train", "--config", str(recipe), "-q"]) == 130
    said = capsys.readouterr().err.strip()
    assert said == f"regkit: interrupted; the same command goes on from {tmp_path / 'run' / STATE}"


def test_a_killed_run_is_gone_on_with(words, recipe, tmp_path):
    long = {**words, "stages": [{"networks": 1, "steps": 10000}], "checkpoint_every": 1}
    recipe.write_text(yaml.safe_dump(long))
    command = [sys.executable, "-m", "regkit", "train", "--config", str(recipe), "-q"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from regkit.cli import script; script()", *command[3:]], cwd=ROOT
    )
    try:
        while not (tmp_path / "run" / STATE).exists() and process.poll() is None:
            time.sleep(0.2)
    finally:
        process.kill()
        process.wait()
    assert any(path.name.startswith(".regkit-partial-") for path in (tmp_path / "run").iterdir())
    assert not is_finished(TrainJob(long))
    assert not any(path.name.startswith(".regkit-") for path in (tmp_path / "run").iterdir())


def test_an_input_is_not_written_over(words, tmp_path):
    folder = run(TrainJob(words)).outputs.folder
    words |= {"start": str(folder / WEIGHTS), "seed": 1}
    del words["down"], words["up"]
    with pytest.raises(InputError, match="would overwrite the input"):
        begin(TrainJob(words, overwrite=True))


def test_a_network_that_does_not_fit_is_refused(words):
    words |= {"down": [2, 65536, 65536], "up": [65536, 65536]}
    with pytest.raises(ResourceError, match="use a smaller network"):
        begin(TrainJob(words))


def test_further_processes_leave_the_record_to_the_first(words, tmp_path, monkeypatch):
    job = TrainJob(words)
    monkeypatch.setenv("RANK", "1")
    with job.outputs.staged() as places:
        assert places[WEIGHTS] == tmp_path / "run" / WEIGHTS
        assert tmp_path not in places[RECORD].parents
    assert not (tmp_path / "run").exists()


def test_a_job_pickles_without_what_it_has_opened(words):
    job = TrainJob(words, "x.yaml")
    assert job.training is job.training
    other = pickle.loads(pickle.dumps(job))  # noqa: S301
    assert other == job
    assert "training" not in vars(other)
    assert replace(job, overwrite=True).outputs.overwrite
