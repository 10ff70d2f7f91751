"""`regkit report`: the report of a finished run, made again from its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Data, Debug


def report(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Folder or record (run.json) that a command wrote."),
    ],
    data: Data = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The HTML file to write (default: replace that of the run)"
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option(
            "--open", help="Open the report in the browser; make it only where there is none."
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Make the report of a finished run again, computing nothing anew.

    Inputs are recognised by name and SHA-256; what is missing or another file now is named.

    Example: regkit report out

    Example: regkit report out --data images -o new_report.html
    """
    from regkit.runs.report_again import FinishedRun
    from regkit.runs.rerun import folders_around

    finished = FinishedRun.of(run)
    place = finished.report
    if not (show and output is None and place.is_file()):
        place = finished.report_again(folders_around(finished.path, data or ()), output)
    typer.echo(str(place))
    if show:
        typer.launch(str(place))
