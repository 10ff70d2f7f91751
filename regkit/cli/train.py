"""`regkit train`: any task, from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Debug, DryRun, FullPaths, Json, Quiet


def train(
    config: Annotated[
        Path, typer.Option("--config", help="YAML file with the task, its data, stages and output.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder of the run; overrides the one in the YAML file."
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Start again and replace what an earlier run left."),
    ] = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a network as described by a YAML file.

    A folder that holds a checkpoint is resumed; a finished run is left as it is.
    The folder gets the weights, a log of the losses and run.json.

    Example: regkit train --config configs/train/small-diffusion.yaml --output runs/mine
    """
    from regkit.cli.job import carry_out
    from regkit.io.settings import read_settings
    from regkit.runs.train import TrainJob

    given = read_settings(config)
    if output is not None:
        given["output"] = str(output)
    job = TrainJob(given, str(config), overwrite, full_paths)
    carry_out(job, resume=not overwrite, dry_run=dry_run, as_json=as_json, quiet=quiet)
