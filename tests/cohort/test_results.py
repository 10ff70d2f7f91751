"""What a cohort leaves, without Dask."""

import csv
import json
import os
from pathlib import Path

import pytest

from regkit import InputError, ResourceError
from regkit.cohort import plan_cohort
from regkit.cohort.journal import earlier_lines
from regkit.cohort.machine import share_out
from tests.cohort.jobs import ROWS


def rows_of(folder):
    with (folder / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_a_pair(plan, serially):
    from pyarrow import parquet

    seen = []
    done = serially(plan, on_progress=seen.append)
    rows = rows_of(plan.folder)
    assert [row["output"] for row in rows] == [f"n{n}" for n in range(6)]
    assert {row["status"] for row in rows} == {"done"}
    assert [row["source"] for row in rows] == [f"n{n}.txt" for n in range(6)]
    assert [float(row["total"]) for row in rows] == [2.0 * (n + 1) for n in range(6)]
    assert all(float(row["seconds"]) >= 0 and float(row["memory_mb"]) > 0 for row in rows)
    table = parquet.read_table(plan.folder / "table.parquet").to_pylist()
    assert [row["total"] for row in table] == [2.0 * (n + 1) for n in range(6)]
    assert list(table[0]) == list(rows[0])
    record = json.loads((plan.folder / "cohort.json").read_text())
    assert (record["kind"], record["pairs"], record["done"]) == ("risky", 6, 6)
    assert done.summary() == "done    6 done"
    assert seen[-1].share == 1
    assert seen[-1].note == "6/6"


def test_a_pair_that_fails_is_a_row(table, tmp_path, serially):
    memory = ["0", str(1 << 60), "0", "0", "0"]
    plan = plan_cohort(table(5, memory=memory), ROWS, tmp_path / "out")
    seen = []
    done = serially(plan, on_progress=seen.append)
    assert (done.count.done, done.count.failed) == (4, 1)
    failed = rows_of(plan.folder)[1]
    assert failed["status"] == "failed"
    assert "of memory are needed" in failed["error"]
    assert not (plan.folder / "n1").exists()
    said = next(each.line for each in seen if each.line)
    assert said.startswith("failed  rows.csv: line 3: n1")


def test_resume_leaves_what_is_finished(plan, serially):
    first = serially(plan)
    record = plan.folder / "n2" / "run.json"
    written = record.stat().st_mtime_ns
    (plan.folder / "n4" / "numbers.txt").write_text("half")
    done = serially(plan, resume=True)
    assert (done.count.done, done.count.before) == (6, 5)
    assert record.stat().st_mtime_ns == written
    assert [row["before"] for row in rows_of(plan.folder)] == [
        str(n != 4) for n in range(6)
    ]  # fmt: skip
    assert first.count.before == 0
    serially(plan, again=True)
    assert record.stat().st_mtime_ns > written


def test_resume_says_what_belongs_to_another_run(table, tmp_path, serially):
    serially(plan_cohort(table(4), ROWS, tmp_path / "out"))
    other = plan_cohort(table(4), ROWS, tmp_path / "out", options={"factor": 3}, resume=True)
    done = serially(other, resume=True)
    assert done.count.failed == 4
    assert "is of another run (its asked differ)" in rows_of(tmp_path / "out")[0]["error"]


def test_the_journal_survives_a_run_that_was_killed(plan, serially):
    serially(plan)
    journal = plan.folder / "rows.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    assert len(earlier_lines(journal)) == 5
    serially(plan, resume=True)
    assert len(earlier_lines(journal)) == 6


def test_the_oddest_come_first_on_the_page(table, tmp_path, serially):
    factors = ["1", "1.1", "0.9", "40", "1", "0.95"]
    memory = ["0", "0", str(1 << 60), "0", "0", "0"]
    given = table(6, factor=factors, memory=memory)
    for n in range(6):
        (tmp_path / f"n{n}.txt").write_text("1 1")
    plan = plan_cohort(given, ROWS, tmp_path / "out")
    serially(plan)
    page = (plan.folder / "overview.html").read_text()
    places = [page.index(f">{name}<") for name in ("n2", "n3", "n0")]
    assert places == sorted(places)
    assert "of memory are needed" in page
    assert 'alt="Distribution of' in page
    row = rows_of(plan.folder)[3]
    assert row["outlier_by"] == "total"
    assert float(row["outlier"]) > 10


def test_names_cannot_break_the_page(table, tmp_path, serially):
    plan = plan_cohort(table(1, output=["<b>&amp"]), ROWS, tmp_path / "out")
    serially(plan)
    assert "<b>" not in (plan.folder / "overview.html").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_leaves_what_is_finished(plan, serially):
    def full(count):
        if count.done == 3:
            os.unlink(plan.folder / "rows.jsonl")
            raise OSError(28, "No space left on device")

    with pytest.raises(ResourceError, match="no space left to write"):
        serially(plan, keep=full)
    assert (plan.folder / "n2" / "run.json").exists()
    assert serially(plan, resume=True).count.before == 3


def test_the_machine_is_shared_out(monkeypatch):
    gib = 1 << 30
    monkeypatch.setattr("regkit.cohort.machine.available_memory", lambda: 16 * gib)
    monkeypatch.setattr("regkit.cohort.machine._cores", lambda: set(range(8)))
    assert share_out(100, gib)[:2] == (8, 1)
    assert share_out(100, 6 * gib)[:2] == (2, 4)
    assert share_out(3, gib)[:2] == (3, 2)
    assert share_out(100, gib, threads=4)[:2] == (2, 4)
    assert share_out(100, gib, workers=5)[:2] == (5, 1)
    with pytest.raises(ResourceError, match="the largest pair takes about"):
        share_out(2, 20 * gib)
    with pytest.raises(InputError, match="--workers is 0; give at least 1"):
        share_out(2, gib, workers=0)
    monkeypatch.setattr("regkit.cohort.machine.available_memory", lambda: None)
    assert share_out(100, gib) == (8, 1, None)


def test_a_plan_is_small_and_pickles(plan):
    import pickle

    assert len(pickle.dumps(plan.pairs[0])) < 4096
    assert pickle.loads(pickle.dumps(plan.pairs[0])) == plan.pairs[0]  # noqa: S301  what this test itself pickled
