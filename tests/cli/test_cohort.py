import csv
import json
from importlib.metadata import EntryPoint

import pytest

from regkit.cli import main
from regkit.cohort import Count
from regkit.cohort.kind import ROWS_GROUP


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """A table of three rows, the second of which goes wrong, and the kind that they are of."""
    entry = EntryPoint("risky", "tests.cohort.jobs:ROWS", ROWS_GROUP)
    monkeypatch.setattr(
        "regkit.plugins.entry_points", lambda group: [entry] if group == ROWS_GROUP else []
    )
    for n in range(3):
        (tmp_path / f"n{n}.txt").write_text("1 2")
    path = tmp_path / "rows.csv"
    path.write_text("source,trouble\nn0.txt,\nn1.txt,luck\nn2.txt,\n")
    return path


def test_a_cohort_of_which_one_fails(rows, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["cohort", "risky", str(rows), "-o", str(out), "--retries", "0"]
    words += ["--workers", "2", "--threads", "1", "--option", "factor=3"]
    assert main(words) == 3
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == str(out / "table.csv")
    assert "failed  rows.csv: line 3: RuntimeError: no luck here" in told.err
    assert "done    2 done, 1 failed" in told.err
    with (out / "table.csv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["done", "failed", "done"]
    assert json.loads((out / "cohort.json").read_text())["failed"] == 1
    assert (out / "n2" / "numbers.txt").read_text().splitlines()[1] == "3.0"


def test_a_dry_run_lists_the_pairs(rows, tmp_path, capsys):
    assert main(["cohort", "risky", str(rows), "-o", str(tmp_path / "out"), "--dry-run"]) == 0
    assert capsys.readouterr().out.split() == ["n0", "n1", "n2"]
    assert not (tmp_path / "out").exists()


def test_all_problems_are_lines(rows, tmp_path, capsys):
    rows.write_text("sorce,trouble\nn0.txt,\n")
    assert main(["cohort", "risky", str(rows), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("rows.csv: has no column 'source'")
    assert said[1] == "rows.csv: column 'sorce' is unknown; did you mean 'source'?"
    assert said[2].startswith("regkit: error: rows.csv: 2 problems, nothing was started")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--option", "factor"], "--option 'factor' is not like NAME=VALUE"),
        (["--option", "fctor=2"], "--option 'fctor' is unknown; did you mean 'factor'?"),
        (["--all-pairs", "--longitudinal"], "--all-pairs and --longitudinal are both given"),
        (["--workers", "0"], "--workers is 0; give at least 1"),
        (["--scheduler", "tcp://127.0.0.1:9", "--queue", "slurm"], "both a scheduler and a queue"),
    ],
)
def test_what_cannot_be_meant(rows, tmp_path, words, said, capsys):
    assert main(["cohort", "risky", str(rows), "-o", str(tmp_path / "out"), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_table_is_needed(rows, capsys):
    assert main(["cohort", "risky"]) == 2
    assert "give either TABLE or --bids DIR" in capsys.readouterr().err
    assert main(["cohort", "risky", str(rows), "--bids", "x"]) == 2
    assert "give either TABLE or --bids DIR" in capsys.readouterr().err


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 3)])
def test_strict_counts_what_is_unfit(rows, tmp_path, monkeypatch, strict, code):
    from regkit.cohort import CohortDone

    (tmp_path / "cohort.json").write_text("{}")
    done = CohortDone(tmp_path, Count(done=3, unfit=1), (tmp_path / "cohort.json",))
    monkeypatch.setattr("regkit.cohort.start.start_cohort", lambda *a, **k: done)
    assert main(["cohort", "risky", str(rows), "-o", str(tmp_path / "out"), *strict]) == code


def test_a_cohort_that_is_stopped_says_how_it_goes_on(rows, tmp_path, monkeypatch, capsys):
    def stopped(*args, keep, **more):
        keep(Count(done=2))
        raise KeyboardInterrupt

    monkeypatch.setattr("regkit.cohort.start.start_cohort", stopped)
    assert main(["cohort", "risky", str(rows), "-o", str(tmp_path / "out")]) == 130
    assert "2 rows are finished; the same command with --resume" in capsys.readouterr().err
