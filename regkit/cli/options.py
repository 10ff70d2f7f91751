"""Options that several commands share, spelled once."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

_READING = "Reading"
_RUNNING = "Running"


def _set_debug(ctx: typer.Context, value: bool) -> bool:
    if value and ctx.obj is not None:
        ctx.obj.debug = True
    return value


Geometry = Annotated[
    Literal["sform", "qform"] | None,
    typer.Option(
        help="Which one to believe where a header's two disagree.", rich_help_panel=_READING
    ),
]
AssumeRas = Annotated[
    bool,
    typer.Option(
        "--assume-ras", help="Take a missing orientation as RAS.", rich_help_panel=_READING
    ),
]
Frame = Annotated[
    int | None,
    typer.Option(help="Which volume of a 4-D file, from 0.", rich_help_panel=_READING),
]
Channel = Annotated[
    int | None,
    typer.Option(
        help="Which value of a voxel that has several (RGB), from 0.", rich_help_panel=_READING
    ),
]
AllowShear = Annotated[
    bool,
    typer.Option(
        "--allow-shear",
        help="Accept axes that are not at right angles; results get a grid whose are.",
        rich_help_panel=_READING,
    ),
]
Nan = Annotated[
    float | None,
    typer.Option(help="What to put where voxels are not a number.", rich_help_panel=_READING),
]
MaxBytes = Annotated[
    int,
    typer.Option(min=1, help="The most that an image's voxels may take.", rich_help_panel=_READING),
]
Threads = Annotated[
    int | None, typer.Option(help="CPU threads; 0: all cores.", rich_help_panel=_RUNNING)
]
Device = Annotated[
    str | None,
    typer.Option(metavar="auto|cpu|cuda[:N]|mps", help="Where it runs.", rich_help_panel=_RUNNING),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace what is there.", rich_help_panel=_RUNNING),
]
Json = Annotated[
    bool, typer.Option("--json", help="Results on stdout as JSON.", rich_help_panel=_RUNNING)
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Nothing on stderr but errors.", rich_help_panel=_RUNNING),
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
