"""Workers that a batch system starts: a stand-in of three scripts, and Slurm itself where it is."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import dask
import pytest

from regkit import InputError
from regkit.cohort import plan_cohort
from regkit.cohort.queue import queue_client
from regkit.cohort.queue_jobs import refusal
from regkit.cohort.start import Workplace, start_cohort
from tests.cohort.jobs import ROWS
from tests.cohort.test_results import rows_of

SBATCH = shutil.which("sbatch")
SINFO = shutil.which("sinfo")
HAS_SLURM = SINFO is not None and subprocess.run([SINFO], capture_output=True).returncode == 0
SCRIPTS = {
    # The number of a job is that of its processes' group.
    "sbatch": """
        if [ -e "$STAND_IN/refuses" ]; then
            echo "sbatch: error: invalid partition specified: nosuch" >&2; exit 1; fi
        cp "$1" "$STAND_IN/job.$$"
        setsid bash "$STAND_IN/job.$$" >"$STAND_IN/log.$$" 2>&1 & echo "Submitted batch job $!"
    """,
    "squeue": """
        for n in $(ps -eo pgid= | sort -un); do echo "$n RUNNING None"; done
    """,
    "scancel": """kill -KILL -- "-$1" """,
}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A batch system that runs each job at once; a file `refuses` in its folder stops that."""
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    there = tmp_path / "stand-in"
    there.mkdir()
    for name, text in SCRIPTS.items():
        (there / name).write_text(f"#!/bin/bash\n{text}")
        (there / name).chmod(0o755)
    monkeypatch.setenv("STAND_IN", str(there))
    monkeypatch.setenv("PATH", f"{there}:{os.environ['PATH']}")
    monkeypatch.setattr("regkit.cohort.queue_jobs._LOOK", 0.5)
    monkeypatch.setattr("regkit.cohort.queue_jobs._COUNT", 0.1)
    with dask.config.set({"jobqueue.slurm.log-directory": str(tmp_path / "logs")}):
        yield there


def queued(plan, *, on_progress=lambda progress: None, **place):
    return start_cohort(plan, Workplace(queue="slurm", **place), on_progress=on_progress)


def test_a_job_that_is_ended_is_submitted_again(slurm, table, tmp_path):
    """Dask waits for its worker for ever; nothing is lost or done twice."""
    rows = table(
        6, trouble=["", "", "cancelled", "", "", ""], marker=[str(tmp_path / "marker")] * 6
    )
    lines = []
    done = queued(
        plan_cohort(rows, ROWS, tmp_path / "out"), on_progress=lambda p: lines.append(p.line)
    )
    assert done.count.done == 6
    assert any(line.startswith("slurm   no worker yet; the first job") for line in lines)
    found = rows_of(tmp_path / "out")
    assert len({row["pid"] for row in found}) == 2
    assert {row["torch"] for row in found} == {"1"}


def test_a_batch_system_that_refuses_says_why(slurm, table, tmp_path):
    (slurm / "refuses").touch()
    with pytest.raises(InputError, match="slurm takes no job: invalid partition specified: nosuch"):
        queued(plan_cohort(table(2), ROWS, tmp_path / "out"), workers=2)
    assert not (tmp_path / "out").exists()


def test_jobs_that_end_before_a_worker_comes_are_an_error(slurm, table, tmp_path):
    with (
        dask.config.set({"jobqueue.slurm.python": "/nosuch/python"}),
        pytest.raises(InputError, match=r"ended before a worker came; see .*logs"),
    ):
        queued(plan_cohort(table(2), ROWS, tmp_path / "out"), workers=2)
    assert list((tmp_path / "out").iterdir()) == []  # so that the mended command starts


def test_what_a_job_is(slurm, tmp_path):
    """One pair at a time, with the threads that are asked for, and memory of the largest."""
    with queue_client(
        "slurm", 1, threads=3, memory=600 << 20, retries=1, dashboard=False, say=lambda line: None
    ) as (client, _):
        client.wait_for_workers(1)
        (worker,) = client.scheduler_info()["workers"].values()
        found = {name: client.submit(os.getenv, name, pure=False).result()
                 for name in ("OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_")}  # fmt: skip
    assert worker["nthreads"] == 1
    assert found == {"OMP_NUM_THREADS": "3", "MALLOC_TRIM_THRESHOLD_": None}
    (text,) = (each.read_text() for each in slurm.glob("job.*"))
    assert "--cpus-per-task=3" in text
    assert "--mem=2G" in text  # 1250 MB, in Slurm's whole ones


def test_what_a_batch_system_said():
    assert refusal(RuntimeError("no stderr here")) == "no stderr here"
    assert refusal(OSError()) == "OSError"


def test_a_command_that_is_not_here(monkeypatch):
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(InputError, match="pbs: qsub is not here; run regkit where jobs are"),
        queue_client("pbs", 1, threads=1, memory=0, retries=0, dashboard=False, say=print),
    ):
        pass


@pytest.mark.skipif(not HAS_SLURM, reason="no Slurm answers on this machine")
def test_slurm_itself(table, tmp_path):
    """A job is cancelled in mid-run; another one goes on."""
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    rows = table(4, trouble=["", "cancelled", "", ""], marker=[str(tmp_path / "marker")] * 4)
    with dask.config.set({"jobqueue.slurm.log-directory": str(tmp_path / "logs")}):
        done = queued(plan_cohort(rows, ROWS, tmp_path / "out"))
    assert done.count.done == 4
    assert len({row["pid"] for row in rows_of(tmp_path / "out")}) == 2


@pytest.mark.skipif(not HAS_SLURM, reason="no Slurm answers on this machine")
def test_the_script_for_slurm(table, tmp_path):
    """It ends at once where the environment with Dask is not active."""
    script = Path(__file__).parents[2] / "docs" / "cohort.slurm"
    job = subprocess.run(
        [SBATCH, "--parsable", "--ntasks=2", f"--output={tmp_path}/log", "--export=NONE",
         script, "rows.csv", tmp_path / "out"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for _ in range(200):
        if not subprocess.run(
            [shutil.which("squeue"), "-h", "-j", job], capture_output=True
        ).stdout:
            break
        time.sleep(0.1)
    else:
        subprocess.run([shutil.which("scancel"), job], check=True)
        pytest.fail("the job goes on without a scheduler")
    assert "dask: command not found" in (tmp_path / "log").read_text()
