"""Options that a command takes as one argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pytest
import typer
from typer.main import get_command

from regkit.cli.app import build
from regkit.cli.option_group import group_of, takes
from regkit.cli.running import RUNNING

if TYPE_CHECKING:
    from nowhere import Unknown  # as a command names a type that it does not import

Size = Annotated[int, typer.Option(help="Size.")]


@dataclass(frozen=True)
class Shape:
    size: Size = 3
    name: Annotated[str, typer.Option("--called", help="Name.")] = "box"


SHAPE = group_of("shape", Shape)


def _run(command, words):
    app = typer.Typer()
    app.command()(command)
    return app(words, standalone_mode=False)


def test_a_group_arrives_as_one_argument():
    seen = []

    @takes(SHAPE)
    def command(word: str, *, shape: Unknown, last: Size = 1) -> None:
        seen.append((word, shape, last))

    _run(command, ["a", "--size", "5", "--called", "ball", "--last", "2"])
    assert seen == [("a", Shape(5, "ball"), 2)]


def test_what_is_not_offered_has_its_default():
    seen = []

    @takes(SHAPE.without("size"))
    def command(*, shape: Unknown) -> None:
        seen.append(shape)

    _run(command, [])
    assert seen == [Shape()]
    with pytest.raises(typer.TyperException, match="--size"):
        _run(command, ["--size", "5"])


@pytest.mark.parametrize("name", ["apply", "convert", "jacobian", "points", "convert-transform"])
def test_commands_that_write_a_file_offer_how_it_is_run(name):
    offered = {each.name for each in get_command(build()).commands[name].params}
    assert set(RUNNING.options) <= offered
