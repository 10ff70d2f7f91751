"""`regkit features`: which backbones there are, and which of their layers to take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.running import RUNNING, Running

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="List feature backbones, and measure which of their layers match best.",
    epilog="Example: regkit features list",
)


@app.command("list")
def list_() -> None:
    """List the backbones that --similarity features:NAME can name.

    Example: regkit features list
    """
    from regkit.features import backbone_summaries

    for name, text in backbone_summaries().items():
        typer.echo(f"{name:<17}{text}")


@app.command()
@takes(RUNNING.without("record", "full_paths"))
def sweep(
    backbone: Annotated[
        str, typer.Argument(metavar="NAME[=PATH]", help="Backbone, as in features:NAME.")
    ],
    fixed: Annotated[Path, typer.Argument(metavar="FIXED", help="Fixed image, 2-D or a volume.")],
    moving: Annotated[
        Path | None,
        typer.Argument(metavar="MOVING", help="Another contrast on the same grid (default: FIXED)"),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for sweep.html, sweep.csv and run.json")
    ] = Path("sweep"),
    layers: Annotated[
        str, typer.Option(help="Layer names, comma-separated (default: every block)")
    ] = "",
    timesteps: Annotated[
        str, typer.Option(help="Timesteps, comma-separated; '-' if there are none")
    ] = "0,25,50,100,200",
    slice_: Annotated[
        int | None,
        typer.Option("--slice", help="Slice of a volume along its last axis (default: middle)"),
    ] = None,
    places: Annotated[int, typer.Option(min=1, help="Number of sample points to match.")] = 400,
    seed: Annotated[
        int, typer.Option(help="Seed for the random warp, sample points and noise.")
    ] = 0,
    *,
    running: Running,
) -> None:
    """Measure which layer and timestep of a backbone match points best.

    MOVING is warped by a known displacement and matched with FIXED by every layer and timestep.
    The folder holds a heat map of the errors, a table and run.json.

    Example: regkit features sweep small-diffusion t1.nii.gz t2.nii.gz -o sweep
    """
    from foundation.features.job import SweepJob

    job = SweepJob(
        backbone, fixed, moving, output, layers=_words(layers), timesteps=tuple(_times(timesteps)),
        index=slice_, places=places, seed=seed, overwrite=running.replaces,
    )  # fmt: skip
    done = running.carry_out(job)
    if done is not None and not running.as_json:
        best = done.record["best"]
        where = f"best {best['layer']} at {best['timestep']}, {best['error']:.2f} pixels"
        typer.echo(f"{output / 'sweep.html'}: {where}")


def _words(text: str) -> tuple[str, ...] | None:
    return tuple(word.strip() for word in text.split(",") if word.strip()) or None


def _times(text: str) -> list[int | None]:
    from regkit.errors import InputError

    found: list[int | None] = []
    for word in _words(text) or ("-",):
        if word != "-" and not word.isdigit():
            raise InputError(f"--timesteps: {word!r} is no number from 0; write 0,50,100 or '-'")
        found.append(None if word == "-" else int(word))
    return found
