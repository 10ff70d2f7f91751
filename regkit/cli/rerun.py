"""`regkit rerun`: a run again, and whether it gives the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Data, Debug, Quiet

DIFFERS = 3


def rerun(
    record: Annotated[
        Path, typer.Argument(metavar="RUN.JSON", help="Record that a command wrote.")
    ],
    data: Data = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder in which to keep the new results (default: none)"
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Repeat the run of RUN.JSON and say whether the result is identical.

    Inputs are recognised by name and SHA-256. The exit code is 0 if every file is identical to the
    last bit, and 3 if one differs.

    Example: regkit rerun out/run.json
    """
    from regkit.cli.terminal import progress, say
    from regkit.runs import run
    from regkit.runs.kinds import job_again
    from regkit.runs.record import read_record
    from regkit.runs.rerun import (
        differing,
        find_inputs,
        folders_around,
        reproducible_outputs,
        what_changed,
    )

    before = read_record(record)
    inputs = find_inputs(before, folders_around(record, data or ()))
    with _folder(output) as folder, progress(quiet=quiet) as on_progress:
        after = run(job_again(before, inputs, folder), on_progress=on_progress)
    for line in after.summary:
        say(line, quiet=quiet)
    other = differing(before, after.record)
    for name in reproducible_outputs(before):
        typer.echo(f"{'differs' if name in other else 'identical':<11}{name}")
    if not other:
        typer.echo("the result is identical")
        return
    typer.echo(f"the result differs; {what_changed(before, after.record)}")
    raise typer.Exit(DIFFERS)


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    """Where the results go; a folder that is made for them and stays empty is taken away."""
    if output is None:
        with tempfile.TemporaryDirectory(prefix="regkit-rerun-") as scratch:
            yield Path(scratch)
        return
    made = not output.exists()
    output.mkdir(exist_ok=True)
    try:
        yield output
    finally:
        if made and not any(output.iterdir()):
            output.rmdir()
