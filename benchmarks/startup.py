"""`python -m benchmarks.startup`: what a command costs beside its work, and on its first run.

The first run is that of a home without a file, as in a fresh container; the later one follows in
the same home. Start-up is the time from the start of `regkit register` until it opens the fixed
image. Medians of the runs, which take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.data import data_folder
from benchmarks.machine import describe
from benchmarks.measure import environment
from benchmarks.register import machine_text
from benchmarks.table import Row, Table

_COLUMNS = {"what": "", "seconds": ".2f", "share": ".2f"}
_REGISTER = "import sys; from regkit.cli import script; script()"
_UNTIL_OPENED = """
import os, sys
def look(event, arguments):
    if event == "open" and str(arguments[0]) == sys.argv[2]:
        os._exit(0)
sys.addaudithook(look)
from regkit.cli import script
script()
"""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    images = [str(data_folder() / f"brain_t1/{name}_t1.nii.gz") for name in "ab"]
    times: dict[str, list[float]] = {}
    for _ in range(asked.runs):
        for name, seconds in _turn(images).items():
            times.setdefault(name, []).append(seconds)
    found = {name: statistics.median(each) for name, each in times.items()}
    print(machine_text(describe()))
    print(f"\n{Table('Start-up', _COLUMNS, _rows(found), ()).markdown()}")
    return 0


def _turn(images: Sequence[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        register = ["register", *images, "-o", str(Path(home) / "out"), "--overwrite"]
        return {
            "first run": _seconds(home, _REGISTER, register),
            "later run": _seconds(home, _REGISTER, register),
            "start-up": _seconds(home, _UNTIL_OPENED, register),
            "import torch": _seconds(home, "import torch", []),
        }


def _seconds(home: str, program: str, words: Sequence[str]) -> float:
    own = {"HOME": home, "XDG_CACHE_HOME": str(Path(home) / "cache")}
    variables = {k: v for k, v in environment().items() if k != "MPLCONFIGDIR"} | own
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program, *words], env=variables, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=os.getcwd(),
    )  # fmt: skip
    return time.perf_counter() - begin


def _rows(found: Mapping[str, float]) -> list[Row]:
    parts = {"first run": "later run", "start-up": "import torch"}
    return [
        {"what": name, "seconds": seconds, "share": seconds / found[parts.get(name, name)]}
        for name, seconds in found.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
