"""Help that reads at once: what each command does, an example, a sentence for every option."""

import re
from importlib.metadata import entry_points

import pytest
import typer
from typer.main import get_command

from regkit.cli import main
from regkit.cli.app import COMMANDS_GROUP, build, paragraphs


def _guests():
    for entry in entry_points(group=COMMANDS_GROUP):
        found = entry.load()
        app = found if isinstance(found, typer.Typer) else typer.Typer(add_completion=False)
        if app is not found:
            app.command(help=paragraphs(found))(found)
        yield entry.name, get_command(app)


def _leaves(name, command):
    yield name, command
    for word, each in getattr(command, "commands", {}).items():
        yield from _leaves(f"{name} {word}", each)


def _pages():
    guests = dict(_guests())
    own = {name: each for name, each in get_command(build()).commands.items() if name not in guests}
    for name, command in (own | guests).items():
        yield from _leaves(name, command)


PAGES = dict(_pages())


@pytest.fixture
def page(capsys, monkeypatch):
    """Call with words to get what their help prints on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def shown(*words):
        assert main([*words, "-h"]) == 0
        return capsys.readouterr().out

    return shown


@pytest.mark.parametrize("name", PAGES)
def test_every_command_has_an_example_and_fits(page, name):
    text = page(*name.split())
    assert f"Example: regkit {name}" in re.sub(r"\s+", " ", text)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", PAGES)
def test_every_option_says_what_it_does(name):
    for each in PAGES[name].params:
        said = getattr(each, "help", None)
        assert said, each.name
        assert re.match(r"[A-Z'-]", said), f"{each.name}: {said}"
        assert not re.match(r"(?:Of|That|What|Where|How) ", said) or "?" in said, said


def test_the_first_page_has_an_example(page):
    assert "Example: regkit register fixed.nii.gz" in page()


def test_guests_say_what_they_are_for_unloaded(page):
    text = page()
    assert "Denoise an image without clean training data." in re.sub(r"\s*│\n│\s*", " ", text)
    assert "From the package" not in text
