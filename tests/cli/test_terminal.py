import io
import math

import pytest
from rich.console import Console

from regkit.cli import terminal
from regkit.registration.result import EngineProgress
from regkit.runs.register.task import shown_by


@pytest.fixture
def screen(monkeypatch):
    """What a terminal of 100 columns would show."""
    shown = io.StringIO()
    kind = Console
    monkeypatch.setattr(
        "rich.console.Console", lambda stderr: kind(file=shown, force_terminal=True, width=100)
    )
    return shown


def test_progress_names_the_stage_and_the_similarity(screen):
    with terminal.progress(quiet=False) as report:
        shown_by(report)(EngineProgress("init", "mi", 1, 1, 0, 1, math.nan))
        shown_by(report)(EngineProgress("field", "lncc2", 2, 3, 4, 10, 0.25))
    assert "init" in screen.getvalue()
    assert "field" in screen.getvalue()
    assert "level 2/3  lncc2 0.2500" in screen.getvalue()
    assert "nan" not in screen.getvalue()


def test_quiet_is_quiet(screen, capsys):
    with terminal.progress(quiet=True) as report:
        shown_by(report)(EngineProgress("field", "lncc2", 2, 3, 4, 10, 0.25))
    terminal.say("hello", quiet=True)
    assert screen.getvalue() == ""
    assert capsys.readouterr().err == ""


def test_nothing_moves_where_there_is_no_terminal(capfd):
    with terminal.progress(quiet=False) as report:
        shown_by(report)(EngineProgress("field", "lncc2", 2, 3, 4, 10, 0.25))
    assert capfd.readouterr().err == ""
