"""`python -m benchmarks.hard`: the pairs at which registration goes wrong, and who says so.

regkit's own rows and those of its peers may come from two runs: what `--json` kept is shown
beside new rows by `--beside FILE`, and alone with `--no-run`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import page
from benchmarks.hard_pairs import HardPair, families
from benchmarks.hard_pairs.judging import Outcome
from benchmarks.hard_pairs.methods import FIELD, LINEAR, OWN, PEERS, TOOLS, Contender
from benchmarks.hard_pairs.running import run_pair
from benchmarks.hard_pairs.tables import of_family, summary
from benchmarks.machine import describe
from benchmarks.measure import THREADS
from benchmarks.register import machine_text
from benchmarks.session import Session, say
from benchmarks.table import Table
from regkit import InputError
from regkit.kernels.backend import set_threads

PAGE = Path(__file__).with_name("hard.md")


def main(words: Sequence[str] | None = None) -> int:
    """Run the families that were asked for; print, and keep if wanted, their tables."""
    wanted = _parser().parse_args(words)
    set_threads(THREADS)
    machine = describe()
    print(machine_text(machine), flush=True)
    outcomes = [each for path in wanted.beside for each in read(path)]
    for found in () if wanted.no_run else _run(wanted):
        outcomes = joined(outcomes, found)
        print(f"\n{of_family(found[0].family, outcomes).markdown()}", flush=True)
        if wanted.json:
            keep(wanted.json, machine, found)
    shown = [each for each in outcomes if wanted.half in (each.half, "all")]
    if wanted.no_run:
        print("\n\n".join(table.markdown() for table in _family_tables(shown).values()))
    print(f"\n{summary(shown).markdown()}", flush=True)
    if wanted.write:
        page.write(blocks(machine_text(machine), shown), PAGE)
    return 0


def contenders(tools: Sequence[str], reaches: Sequence[str]) -> list[Contender]:
    """Those that were asked for, and are installed."""
    out: list[Contender] = []
    for each in (each for each in (*OWN, *PEERS) if each.tool in tools):
        if not each.installed:
            say(f"skipped {each.name}: {each.package} is not installed")
        elif each.reach in reaches:
            out.append(each)
    return out


def joined(old: Sequence[Outcome], new: Sequence[Outcome]) -> list[Outcome]:
    """Both, the newer where they are of the same pair and method."""
    whole = {(each.family, each.pair, each.method): each for each in (*old, *new)}
    return list(whole.values())


def read(path: Path) -> list[Outcome]:
    """What :func:`keep` wrote."""
    return [Outcome(**row) for row in json.loads(path.read_text())["outcomes"]]


def keep(path: Path, machine: dict[str, str], new: Sequence[Outcome]) -> None:
    """Add ``new`` to the file, after every family, so that an interrupted run loses one only."""
    whole = joined(read(path) if path.exists() else [], new)
    rows = [each.as_row() for each in whole]
    text = json.dumps({"machine": machine, "outcomes": rows}, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n")


def blocks(machine: str, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What the page shows between its markers."""
    tables = {"summary": summary(outcomes), **_family_tables(outcomes)}
    return {"machine": machine, **{name: table.markdown() for name, table in tables.items()}}


def _family_tables(outcomes: Sequence[Outcome]) -> dict[str, Table]:
    names = dict.fromkeys(each.family for each in outcomes)
    return {name: of_family(name, outcomes) for name in names}


def _run(wanted: argparse.Namespace) -> Iterator[list[Outcome]]:
    """The outcomes of one family after another."""
    tools = wanted.tools or (TOOLS if wanted.peers else TOOLS[:1])
    chosen = contenders(tools, wanted.transform)
    with tempfile.TemporaryDirectory(prefix="regkit-hard-") as name:
        folder = Path(name)
        if "regkit" in tools:
            Session(folder).warm_up("lncc2", "mi", "mind")
        for family in wanted.only or families():
            found = list(_of_family(family, wanted.half, chosen, folder))
            if found:
                yield found


def _of_family(
    family: str, half: str, chosen: Sequence[Contender], folder: Path
) -> Iterator[Outcome]:
    for pair in _pairs(family):
        if half in (pair.half, "all"):
            yield from run_pair(pair, chosen, folder)


def _pairs(family: str) -> Iterator[HardPair]:
    """Those of ``family`` whose images are there."""
    try:
        yield from families()[family]()
    except InputError as error:
        say(f"skipped {family}: {error}")


def _file(name: str) -> Path:
    if not Path(name).is_file():
        raise argparse.ArgumentTypeError(f"{name}: no such file; name one that --json kept")
    return Path(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hard", description=__doc__)
    names = list(families())
    told = f"only these families: {', '.join(names)}"
    parser.add_argument("--only", nargs="+", choices=names, metavar="FAMILY", help=told)
    parser.add_argument("--peers", action="store_true", help="run the installed peers as well")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, help="run these alone")
    parser.add_argument("--half", choices=("tune", "judge", "all"), default="all")
    parser.add_argument(
        "--transform",
        nargs="+",
        choices=(FIELD, LINEAR),
        default=[FIELD, LINEAR],
        help="run these transforms alone: the field (regkit's default), the linear part",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep all figures there")
    parser.add_argument(
        "--beside",
        type=_file,
        nargs="+",
        default=[],
        metavar="FILE",
        help="show what --json kept in other runs too",
    )
    parser.add_argument("--no-run", action="store_true", help="show what is beside, and stop")
    parser.add_argument("--write", action="store_true", help="renew benchmarks/hard.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
