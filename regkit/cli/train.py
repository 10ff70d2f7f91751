"""`regkit train`: any task, from one YAML file."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Debug, Quiet
from regkit.cli.stopping import Stopped


def train(
    config: Annotated[
        Path, typer.Option("--config", help="YAML: the task, its data, its stages, its output.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the run, over the YAML.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything that can be checked, then stop.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a network; a run whose folder holds a checkpoint goes on from there."""
    from regkit.cli.terminal import say
    from regkit.io.settings import read_settings
    from regkit.training.loop import STATE, WEIGHTS, Told, check
    from regkit.training.loop import train as run
    from regkit.training.tasks import open_task

    given = read_settings(config)
    if output is not None:
        given["output"] = str(output)
    task = open_task(given, str(config))
    if dry_run:
        check(task.config)
        typer.echo(f"{config}: nothing is wrong with it")
        return

    def report(told: Told) -> None:
        values = "  ".join(f"{name} {value:.4f}" for name, value in told.values.items())
        say(f"{told.kind:<11}stage {told.stage}  step {told.step:>6}  {values}", quiet=quiet)

    try:
        folder = run(task, report)
    except (KeyboardInterrupt, Stopped) as error:
        kept = task.config.output / STATE
        left = "no checkpoint was written yet"
        if kept.is_file():
            left = f"the same command goes on from {kept}"
        sign = error.sign if isinstance(error, Stopped) else signal.SIGINT
        raise Stopped(sign, left) from None
    typer.echo(str(folder / WEIGHTS))
