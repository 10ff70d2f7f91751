#!/usr/bin/env bash
# A Dask nanny leaves its worker's variables in the process that started it; the next one heeds them.
#
# Package    distributed 2026.8.0
# Behaviour  distributed.nanny.pre-spawn-environ (the place for OMP_NUM_THREADS and its like, which
#            libraries read when they are loaded) is written into os.environ of the process that
#            holds the cluster, before each worker, and never taken out, also when the cluster is
#            closed. A variable that is there goes before the configuration: the next cluster of
#            this process ignores what its own configuration says.
# Seen
#            first cluster asks for 1 thread: worker has 1, this process has 1 afterwards
#            second cluster asks for 2 threads: worker has 1
# Matters    A notebook that has run one cohort with many workers of one thread runs the next, of
#            few large images, on one thread a worker too, and so does every program it starts.
# regkit     Gives the variables back: tests/cohort/test_cluster.py,
#            test_this_process_keeps_its_environment.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    distributed==2026.8.0 dask==2026.8.0
cd "$work"
cat >run.py <<'PYTHON'
import logging
import os
import sys

import dask
from distributed import Client, LocalCluster

NAME = "OMP_NUM_THREADS"


def worker_threads(asked):
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {NAME: str(asked)}}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
            silence_logs=logging.CRITICAL + 1,
        ) as cluster,
        Client(cluster) as client,
    ):
        return client.submit(os.getenv, NAME).result()


if __name__ == "__main__":
    os.environ.pop(NAME, None)
    first = worker_threads(1)
    left = os.environ.get(NAME)
    print(f"first cluster asks for 1 thread: worker has {first}, this process has {left} afterwards")
    second = worker_threads(2)
    print(f"second cluster asks for 2 threads: worker has {second}")
    if (first, left, second) != ("1", "1", "1"):
        sys.exit("CHANGED")
PYTHON
"$work/venv/bin/python" run.py
