"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_RUNNING = "Running"


def _set_debug(ctx: typer.Context, value: bool) -> bool:
    if value and ctx.obj is not None:
        ctx.obj.debug = True
    return value


Threads = Annotated[
    int | None,
    typer.Option(help="Number of CPU threads; 0 uses all cores.", rich_help_panel=_RUNNING),
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="auto|cpu|cuda[:N]|mps", help="Device to run on.", rich_help_panel=_RUNNING
    ),
]
Run = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Take the transform of this registration."),
]
Onto = Annotated[
    Path | None, typer.Option(help="Reference image: the result is written on its grid.")
]
Record = Annotated[
    Path | None, typer.Option(help="Write a JSON record, for --resume and `regkit rerun`.")
]
Data = Annotated[
    list[Path] | None,
    typer.Option(help="Folder with the inputs; repeatable (default: near the record)"),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace existing results.", rich_help_panel=_RUNNING),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Skip a finished run; begin an interrupted one anew.",
        rich_help_panel=_RUNNING,
    ),
]
FullPaths = Annotated[
    bool,
    typer.Option(
        "--full-paths",
        help="Show the folders of inputs in the record, the report and messages.",
        rich_help_panel=_RUNNING,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check the inputs, show the plan and stop.")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print results on stdout as JSON.", rich_help_panel=_RUNNING)
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print nothing on stderr but errors.", rich_help_panel=_RUNNING
    ),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        help="Show the traceback of an error.",
        callback=_set_debug,
        is_eager=True,
        rich_help_panel=_RUNNING,
    ),
]
