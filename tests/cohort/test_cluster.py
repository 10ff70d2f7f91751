"""A real scheduler and two worker processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import psutil
import pytest

from regkit import Grid, InputError, Volume
from regkit.cohort import WorkWay, kind_called, plan_cohort, read_pair_table, run_cohort
from regkit.cohort.cluster import Workers, local_client, remote_client
from regkit.cohort.runner import run_pairs
from regkit.cohort.start import Workplace, start_cohort
from regkit.errors import RegkitError
from regkit.geometry.affines import homogeneous, rotation
from regkit.report.photo import Photo
from tests.cohort.jobs import ROWS
from tests.cohort.test_results import rows_of

FEW = {
    "transform": "rigid", "similarity": "mse", "threads": 1,
    "linear": {"iterations": 2, "spacings": [8.0], "polish": [4.0]},
}  # fmt: skip


@pytest.fixture(scope="module")
def client():
    """Of two workers of one thread each."""
    with local_client(Workers(2, 1), retries=1) as found:
        yield found


def on(client, plan, *, watch=lambda each: None, retries=1, threads=1):
    """Run a plan on a client, and count what came back."""
    numbers = []

    def finished():
        way = WorkWay(plan.kind, plan.folder, threads)
        for each in run_pairs(client, plan.pairs, way, retries=retries):
            numbers.append(each.number)
            watch(each)
            yield each

    done = run_cohort(plan, finished())
    assert sorted(numbers) == list(range(len(plan.pairs)))  # none lost, none twice
    return done


def bytes_of(folder):
    """All outputs of pairs but records and reports, which tell the time."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent != folder and path.suffix not in (".json", ".html")
    }


def test_two_workers_do_what_one_process_does(client, table, tmp_path, serially):
    rows = table(12)
    alone, together = (plan_cohort(rows, ROWS, tmp_path / n) for n in ("alone", "together"))
    serially(alone)
    on(client, together)
    assert bytes_of(together.folder) == bytes_of(alone.folder)
    rows = rows_of(together.folder)
    assert len({row["pid"] for row in rows}) == 2
    assert {(row["torch"], row["loops"]) for row in rows} == {("1", "1")}
    assert str(os.getpid()) not in {row["pid"] for row in rows}


def test_one_bad_pair_is_a_row(client, table, tmp_path):
    trouble = ["", "luck", "", "", "", ""]
    done = on(client, plan_cohort(table(6, trouble=trouble), ROWS, tmp_path / "out"))
    assert (done.count.done, done.count.failed) == (5, 1)
    said = rows_of(tmp_path / "out")[1]["error"]
    assert said.startswith("RuntimeError: no luck here (jobs.py, line ")


def test_what_fails_once_is_tried_again(client, table, tmp_path):
    marker = [str(tmp_path / "marker")] * 3
    rows = table(3, trouble=["luck", "", ""], marker=marker)
    done = on(client, plan_cohort(rows, ROWS, tmp_path / "out"))
    assert (tmp_path / "marker").exists()
    assert done.count.done == 3


def test_a_pair_whose_worker_died_is_done_again(client, table, tmp_path, serially):
    marker = [str(tmp_path / "marker")] * 8
    rows = table(8, trouble=["", "", "killed", *[""] * 5], marker=marker)
    plan = plan_cohort(rows, ROWS, tmp_path / "out")
    assert on(client, plan).count.done == 8
    assert (tmp_path / "marker").exists()
    alone = plan_cohort(rows, ROWS, tmp_path / "alone")
    serially(alone)
    assert bytes_of(plan.folder) == bytes_of(alone.folder)


def test_a_pair_that_kills_every_worker_is_a_row(client, table, tmp_path):
    rows = table(4, trouble=["killed", "", "", ""])
    done = on(client, plan_cohort(rows, ROWS, tmp_path / "out"), retries=0)
    assert (done.count.done, done.count.failed) == (3, 1)
    assert rows_of(tmp_path / "out")[0]["error"].startswith("its worker died each time")


def test_a_worker_that_is_slow_to_come_back_is_waited_for(table, tmp_path):
    """Not so in distributed 2026.8.0: findings/dask_lost_worker.sh."""
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1ms"}),
        local_client(Workers(1, 1), retries=1) as alone,
    ):
        rows = table(2, trouble=["killed", ""], marker=[str(tmp_path / "marker")] * 2)
        assert on(alone, plan_cohort(rows, ROWS, tmp_path / "out")).count.done == 2


def test_this_process_keeps_its_environment(monkeypatch):
    """Not so in distributed 2026.8.0: findings/dask_environment_of_workers.sh."""
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)  # the module's own client has set it
    before = dict(os.environ)
    with local_client(Workers(1, 1), retries=1) as alone:
        assert alone.submit(os.getenv, "MKL_NUM_THREADS").result() == "1"
    assert dict(os.environ) == before
    with local_client(Workers(1, 2), retries=1) as alone:
        assert alone.submit(os.getenv, "MKL_NUM_THREADS").result() == "2"


def test_nobody_else_is_listened_to(client):
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    found = [c.laddr.ip for p in processes for c in p.net_connections() if c.status == "LISTEN"]
    assert found
    assert set(found) == {"127.0.0.1"}


@pytest.fixture
def turned(head, tmp_path):
    """An atlas, and images of the same head that lie a little elsewhere."""
    head.save(tmp_path / "atlas.nii.gz")
    lines = ["fixed,moving"]
    for n in range(4):
        turn = homogeneous(rotation([0.02 * n, 0.03, -0.01 * n]), [0.5 * n, 1, 0])
        grid = Grid(head.grid.shape, turn @ head.grid.affine)
        Volume(head.data, grid).save(tmp_path / f"s{n}.nii.gz")
        lines.append(f"atlas.nii.gz,s{n}.nii.gz")
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    return read_pair_table(tmp_path / "pairs.csv")


def test_registrations_by_two_workers_one_of_which_is_killed(client, turned, tmp_path, serially):
    kind = kind_called("register")
    together, alone = (
        plan_cohort(turned, kind, tmp_path / name, options=FEW) for name in ("together", "alone")
    )
    killed = []

    def kill_one(each):
        if not killed:
            busy = [address for address, keys in client.processing().items() if keys]
            killed.append(client.run(os.getpid, workers=busy[:1])[busy[0]])
            os.kill(killed[0], signal.SIGKILL)

    done = on(client, together, watch=kill_one)
    assert [row["error"] for row in rows_of(together.folder)] == [""] * 4
    assert (done.count.done, len(killed)) == (4, 1)
    serially(alone)
    assert bytes_of(together.folder) == bytes_of(alone.folder)
    assert not list(together.folder.rglob(".regkit*"))
    row = rows_of(together.folder)[3]
    assert {"similarity", "affine_distance", "folding", "quality", "check_drift"} <= set(row)
    picture = Photo((together.folder / "thumbnails" / "s3_to_atlas.jpg").read_bytes(), "")
    assert f'src="{picture.uri}"' in (together.folder / "overview.html").read_text()


def test_a_scheduler_that_is_there(client, table, tmp_path):
    plan = plan_cohort(table(3), ROWS, tmp_path / "out")
    done = start_cohort(plan, Workplace(scheduler=client.scheduler.address))
    assert done.count.done == 3
    assert {row["torch"] for row in rows_of(plan.folder)} == {"1"}


def test_a_scheduler_that_is_not_there(monkeypatch):
    monkeypatch.setattr("regkit.cohort.cluster._PATIENCE", 1)
    with (
        pytest.raises(InputError, match="no Dask scheduler answers there; start one"),
        remote_client("tcp://127.0.0.1:9"),
    ):
        pass


def test_what_cannot_be_started(table, tmp_path):
    plan = plan_cohort(table(1), ROWS, tmp_path / "out")
    with pytest.raises(InputError, match="both a scheduler and a queue are named"):
        start_cohort(plan, Workplace(scheduler="tcp://127.0.0.1:9", queue="slurm"))
    with pytest.raises(InputError, match="--retries is -1; give 0 or more"):
        start_cohort(plan, Workplace(), retries=-1)
    assert not Path(tmp_path, "out").exists()


def test_a_queue_needs_its_package(table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(InputError, match=r"pip install 'regkit\[cohort-queue\]'"):
        start_cohort(plan_cohort(table(1), ROWS, tmp_path / "out"), Workplace(queue="slurm"))


def test_a_scheduler_that_goes_away(table, tmp_path):
    words = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(tmp_path / "there"))
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", *words],
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (tmp_path / "there").exists() or not (tmp_path / "there").stat().st_size:
            time.sleep(0.1)
        address = json.loads((tmp_path / "there").read_text())["address"]
        threading.Timer(1, scheduler.kill).start()  # it has no worker, so that nothing ends
        with pytest.raises(RegkitError, match=r"the Dask scheduler is gone; .* --resume goes on"):
            start_cohort(
                plan_cohort(table(1), ROWS, tmp_path / "out"), Workplace(scheduler=address)
            )
    finally:
        scheduler.kill()
        scheduler.wait()
