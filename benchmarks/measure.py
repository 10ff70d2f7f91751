"""Wall time, CPU time and peak memory of a whole process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

THREADS = 2
_ROOT = Path(__file__).resolve().parents[1]
_POOLS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")


class ProcessFailedError(Exception):
    """A measured process ended with another code than 0; the message is its last line."""


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and CPU time (children included), and peak resident memory in GB (1e9)."""

    wall: float
    cpu: float
    peak: float


def measured(words: Sequence[str], log: Path) -> Cost:
    """Run ``words`` to their end on two threads, what they print going to ``log``.

    Raises
    ------
    ProcessFailedError
        If the process ends with another code than 0.
    """
    # A child's peak counts the memory of whoever started it, so a small process starts it.
    launcher = [sys.executable, "-I", str(Path(__file__).resolve()), *words]
    with log.open("w") as out:
        done = subprocess.run(
            launcher, stdout=subprocess.PIPE, stderr=out, env=environment(), check=False
        )
    if done.returncode:
        lines = log.read_text(errors="replace").strip().splitlines()
        raise ProcessFailedError(lines[-1] if lines else f"exit code {done.returncode}")
    return Cost(**json.loads(done.stdout))


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each quantity.

    Examples
    --------
    >>> median([Cost(1, 2, 3), Cost(5, 1, 4), Cost(2, 9, 5)])
    Cost(wall=2, cpu=2, peak=4)
    """
    rows = [asdict(cost) for cost in costs]
    return Cost(**{name: statistics.median(row[name] for row in rows) for name in rows[0]})


def environment() -> dict[str, str]:
    """The environment of this process, every pool of threads bounded, ``benchmarks`` importable.

    Compiled modules are kept, as they are where a package is installed.
    """
    pools = {f"{name}_NUM_THREADS": str(THREADS) for name in _POOLS}
    pools["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(THREADS)
    places = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **pools, "PYTHONPATH": os.pathsep.join(places)}


def launch(words: Sequence[str]) -> int:
    """Run ``words``; print their cost as JSON and return their exit code."""
    begin = time.perf_counter()
    child = subprocess.Popen(words, stdout=sys.stderr)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB here
    cost = Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e9)
    print(json.dumps(asdict(cost)))
    return abs(child.returncode)


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
