"""How long one waits before anything happens."""

from __future__ import annotations

import sys

from benchmarks.measure import measured, median
from benchmarks.methods import REGKIT
from benchmarks.session import Session
from benchmarks.table import Row, Table

_COMMANDS = {
    'python -c "import regkit"': (sys.executable, "-c", "import regkit"),
    "regkit --help": (*REGKIT, "--help"),
    'python -c ""': (sys.executable, "-c", ""),
}
_COLUMNS = {"command": "", "wall s": ".2f", "peak GB": ".3f"}


def startup_case(session: Session) -> list[Table]:
    """Import and help; the bare interpreter for comparison."""
    rows = [_row(session, name, words) for name, words in _COMMANDS.items()]
    return [Table("Start-up", _COLUMNS, rows, ("Medians of at least five.",))]


def _row(session: Session, name: str, words: tuple[str, ...]) -> Row:
    log = session.folder / "startup.txt"
    cost = median([measured(words, log) for _ in range(max(5, session.runs))])
    return {"command": name, "wall s": cost.wall, "peak GB": cost.peak}
