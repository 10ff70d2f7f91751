"""`python -m benchmarks.register`: the figures that the README quotes, peers in the same run."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import page
from benchmarks.cases import CASES
from benchmarks.machine import describe
from benchmarks.measure import THREADS
from benchmarks.session import Session, say
from benchmarks.table import Table
from regkit import InputError
from regkit.kernels.backend import set_threads

Results = dict[str, list[Table]]


def main(words: Sequence[str] | None = None) -> int:
    """Run the cases that were asked for; print, and keep if wanted, their tables."""
    wanted = _parser().parse_args(words)
    set_threads(THREADS)
    machine = describe(wanted.device)
    print(machine_text(machine), flush=True)
    results: Results = {}
    for name in wanted.only or CASES:
        try:
            results[name] = run(name, runs=wanted.runs, peers=wanted.peers, device=wanted.device)
        except InputError as error:
            say(f"skipped {name}: {error}")
            continue
        print(f"\n## {name}\n\n{case_text(results[name])}", flush=True)
        _keep(wanted, machine, results)
    return 0


def run(name: str, *, runs: int, peers: bool, device: str) -> list[Table]:
    """One case, in a folder that is removed afterwards."""
    say(f"case {name}")
    with tempfile.TemporaryDirectory(prefix="regkit-bench-") as folder:
        return CASES[name](Session(Path(folder), runs, peers, device))


def case_text(tables: list[Table]) -> str:
    """The tables of one case as markdown."""
    return "\n\n".join(table.markdown() for table in tables)


def machine_text(machine: dict[str, str]) -> str:
    """The machine as a markdown list."""
    return "\n".join(f"- {what}: {value}" for what, value in machine.items())


def _keep(wanted: argparse.Namespace, machine: dict[str, str], results: Results) -> None:
    """After every case, so that an interrupted run loses one only."""
    if wanted.json:
        cases = {name: [table.as_dict() for table in found] for name, found in results.items()}
        whole = {"machine": machine, "runs": wanted.runs, "cases": cases}
        wanted.json.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    if wanted.write:
        tables = {name: case_text(found) for name, found in results.items()}
        page.write({"machine": machine_text(machine), **tables})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.register", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="run the installed peers as well")
    parser.add_argument("--runs", type=int, default=3, help="how often a process is timed")
    parser.add_argument("--only", nargs="+", choices=list(CASES), metavar="NAME", help=_names())
    parser.add_argument("--device", default="cpu", help="where regkit runs: cpu, cuda, mps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all figures there")
    parser.add_argument("--write", action="store_true", help="renew benchmarks/README.md")
    return parser


def _names() -> str:
    return f"only these cases: {', '.join(CASES)}"


if __name__ == "__main__":
    sys.exit(main())
