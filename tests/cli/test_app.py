import sys
from importlib.metadata import EntryPoint
from typing import get_args, get_type_hints

import pytest
import typer

from regkit import __version__
from regkit.cli import main, register
from regkit.cli.app import build
from regkit.losses.registry import names
from regkit.registration.config import Preset, RegisterConfig
from regkit.runs.register.making import RULES

sys.modules["tests_guest"] = sys.modules[__name__]  # where the entry points below point to


def greet(name: str, debug: bool = False) -> None:
    """Say hello."""
    typer.echo(f"hello {name}")


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"regkit {__version__}\n"


@pytest.mark.parametrize("words", [[], ["register"], ["apply"], ["points"], ["info"]])
def test_without_words_the_help_is_shown(words, capsys):
    assert main(words) == 2
    told = capsys.readouterr()
    assert "Usage: regkit" in told.out + told.err
    assert "error" not in told.err


def test_every_command_has_help(capsys):
    for command in ("register", "apply", "points", "info"):
        assert main([command, "--help"]) == 0
        assert f"Usage: regkit {command}" in capsys.readouterr().out


def test_an_unknown_command_is_one_line(capsys):
    assert main(["regster"]) == 2
    assert capsys.readouterr().err.startswith("regkit: error: No such command 'regster'")


def test_a_command_that_is_asked_for_is_built_alone():
    assert [each.name for each in _commands("register")] == ["register"]
    assert len(_commands("registr")) == len(_commands("")) > 15


def _commands(first):
    return typer.main.get_command(build(first)).commands.values()


def test_choices_are_those_of_the_configuration():
    fields = RegisterConfig.model_fields
    # Scenes have choices of their own besides.
    for name, choices in (("transform", register.Kind), ("modality", register._Modality)):
        assert set(get_args(fields[name].annotation)) < set(get_args(choices))
    hints = get_type_hints(register.register, include_extras=True)
    assert hints["similarity"].__metadata__[0].metavar == "|".join(
        ["auto", *names(), "features:NAME"]
    )
    assert get_args(fields["init"].annotation) == RULES
    assert Preset == register._Preset


def refuse() -> None:
    """Say no."""
    raise typer.Exit(5)


@pytest.fixture
def guests(monkeypatch):
    found = [
        EntryPoint("greet", "tests_guest:greet", "regkit.commands"),
        EntryPoint("refuse", "tests_guest:refuse", "regkit.commands"),
        EntryPoint("broken", "no_such_guest:main", "regkit.commands"),
        EntryPoint("register", "no_such_guest:main", "regkit.commands"),
    ]
    monkeypatch.setattr("regkit.plugins.entry_points", lambda group: found)


def test_installed_packages_add_commands(guests, capsys):
    assert main(["greet", "you"]) == 0
    assert capsys.readouterr().out == "hello you\n"
    assert main(["greet", "--help"]) == 0
    assert "Usage: regkit greet" in capsys.readouterr().out


def test_a_guest_is_loaded_only_when_it_is_called(guests, capsys):
    assert main(["--help"]) == 0
    assert "broken" in capsys.readouterr().out
    assert main(["broken"]) == 1


def test_a_guests_usage_error_is_ours(guests, capsys):
    assert main(["greet"]) == 2
    assert capsys.readouterr().err.startswith("regkit: error: Missing argument")


def test_a_guests_exit_code_is_ours(guests):
    assert main(["refuse"]) == 5


def test_a_guest_cannot_replace_a_command(guests, capsys):
    assert main(["register", "--help"]) == 0
    assert "FIXED" in capsys.readouterr().out
