"""`regkit`: gathers the commands, runs one, and turns what went wrong into an exit code."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Annotated, Any

import typer

from regkit import __version__
from regkit.cli.apply import apply
from regkit.cli.cohort import cohort
from regkit.cli.convert import convert
from regkit.cli.dicom import app as dicom
from regkit.cli.doctor import doctor
from regkit.cli.evaluate import evaluate
from regkit.cli.exits import INTERRUPTED, exit_code, explain
from regkit.cli.info import info
from regkit.cli.jacobian import jacobian
from regkit.cli.points import points
from regkit.cli.register import register
from regkit.cli.report import report
from regkit.cli.rerun import rerun
from regkit.cli.series import series
from regkit.cli.stopping import StopRequest, stoppable
from regkit.cli.template import template
from regkit.cli.train import train
from regkit.cli.transform import app as transform
from regkit.cli.transform import convert_transform
from regkit.cli.weights import app as weights
from regkit.plugins import plug_ins, summary

COMMANDS_GROUP = "regkit.commands"
_COMMANDS = (
    register, cohort, template, series, apply, points, evaluate, jacobian, convert,
    convert_transform, info, train, rerun, report, doctor,
)  # fmt: skip
_GROUPS = {"transform": transform, "weights": weights, "dicom": dicom}
_HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


@dataclass
class Session:
    """What one run of the command line carries: whether errors show their traceback."""

    debug: bool = False


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    args
        The words after ``regkit``; those of the process when left out.

    Returns
    -------
    int
        0 done, 1 a bug, 2 bad input or usage, 3 part of a batch failed or a rerun differs, 4 out of
        memory or disk, 5 a quality of fail under ``--strict``, 130 or 143 interrupted.

    Examples
    --------
    >>> main(["--version"])
    regkit 0.1.0
    0
    """
    session = Session()
    try:
        with stoppable(), warnings.catch_warnings():
            # A library's advice to programmers is no line for a user.
            warnings.filterwarnings("ignore", module=r"torch\.")
            words = sys.argv[1:] if args is None else args
            app = build(words[0] if words else "")
            done = app(args, prog_name="regkit", standalone_mode=False, obj=session)
    except (Exception, KeyboardInterrupt, StopRequest) as error:
        if said := explain(error, debug=session.debug):
            typer.echo(said, err=True)
        return exit_code(error)
    code = done if isinstance(done, int) else 0
    if code == INTERRUPTED:  # typer has turned the exception into its exit code
        typer.echo(explain(KeyboardInterrupt(), debug=False), err=True)
    return code


def build(first: str = "") -> typer.Typer:
    """The application with its own commands and those of installed packages.

    Parameters
    ----------
    first
        The first word of the user: one of regkit's own commands is built alone, in half the time.
    """
    app = typer.Typer(
        name="regkit",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        epilog="Example: regkit register fixed.nii.gz moving.nii.gz -o out",
        context_settings=_HELP,
    )
    app.callback()(_front)
    asked = [command for command in _COMMANDS if command.__name__ == first]
    for command in asked or _COMMANDS:
        app.command(no_args_is_help=command is not doctor, help=paragraphs(command))(command)
    if asked:
        return app
    for name, group in _GROUPS.items():
        app.add_typer(group, name=name)
    own = {command.__name__ for command in _COMMANDS} | set(_GROUPS)
    for entry in plug_ins(COMMANDS_GROUP).values():
        if entry.name not in own:
            _add_guest(app, entry)
    return app


def paragraphs(command: Callable[..., object]) -> str:
    """The docstring of a command with every paragraph on one line, for the terminal to break.

    Examples
    --------
    >>> paragraphs(paragraphs)[:50]
    'The docstring of a command with every paragraph on'
    """
    text = inspect.getdoc(command) or ""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"regkit {__version__}")
        raise typer.Exit


def _front(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """Put two images into one space, and measure what can be learned once they are there."""


def _add_guest(app: typer.Typer, entry: EntryPoint) -> None:
    """Let ``regkit NAME ...`` load another package's command, and only then."""

    def guest(ctx: typer.Context) -> object:
        found = entry.load()
        command = found if isinstance(found, typer.Typer) else typer.Typer(add_completion=False)
        if command is not found:
            command.command(help=paragraphs(found))(found)
        # What it returns is an exit code where it has raised one.
        return command(
            ctx.args, prog_name=f"regkit {entry.name}", standalone_mode=False, obj=ctx.obj, **_HELP
        )

    app.command(
        entry.name,
        help=summary(entry),
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(guest)
