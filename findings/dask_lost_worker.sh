#!/usr/bin/env bash
# A Dask cluster of this machine gives up a worker whose replacement takes 15 s to come.
#
# Package    distributed 2026.8.0
# Behaviour  LocalCluster (any SpecCluster) looks for a worker that died
#            distributed.deploy.lost-worker-timeout later, 15 s by default. If no worker of its name
#            is registered at that moment it closes the nanny for good, although this nanny is just
#            starting the replacement; the cluster does not go back to the size asked for. The look
#            is due to the first death: a second one shortly before it has no 15 s.
# Seen
#              replacement ready after 1 s:  workers 1
#              replacement ready after 25 s: workers 0, asked for 1
# Matters    Workers that import torch, ITK and compiled loops take seconds on a quiet machine and
#            more than 15 on a busy laptop. A cohort whose worker was killed for memory goes on with
#            fewer workers, or with none: it then waits for ever. The pair that the replacement has
#            begun counts as killed twice, and is reported as the cause.
# regkit     Sets the time to a year: tests/cohort/test_cluster.py,
#            test_a_worker_that_is_slow_to_come_back_is_waited_for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    distributed==2026.8.0 dask==2026.8.0
cd "$work"
cat >slow.py <<'PYTHON'
"""A preload: stands for a worker that imports large libraries."""
import os
import time
from pathlib import Path

if Path("died").exists():
    time.sleep(float(os.environ["SECONDS_TO_COME"]))
PYTHON
cat >run.py <<'PYTHON'
import logging
import os
import signal
import sys
import time
from pathlib import Path

from distributed import Client, LocalCluster


def workers_left(seconds):
    os.environ["SECONDS_TO_COME"] = str(seconds)
    Path("died").unlink(missing_ok=True)
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
            preload=["slow.py"], silence_logs=logging.CRITICAL + 1,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(1)
        (worker,) = client.run(os.getpid).values()
        Path("died").touch()
        os.kill(worker, signal.SIGKILL)
        time.sleep(seconds + 20)
        return len(client.scheduler_info()["workers"])


if __name__ == "__main__":
    soon, late = workers_left(1), workers_left(25)
    print(f"replacement ready after 1 s:  workers {soon}")
    print(f"replacement ready after 25 s: workers {late}, asked for 1")
    if (soon, late) != (1, 0):
        sys.exit("CHANGED: a worker that is slow to come back is waited for")
PYTHON
venv/bin/python run.py
