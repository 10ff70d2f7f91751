"""`regkit train`: any task, from one YAML file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.running import RUNNING, Running


@takes(RUNNING.without("record", "overwrite", "resume"))
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
    *,
    running: Running,
) -> None:
    """Train a network as described by a YAML file.

    A folder that holds a checkpoint is resumed; a finished run is left as it is.
    The folder gets the weights, a log of the losses and run.json.

    Example: regkit train --config configs/train/small-diffusion.yaml --output runs/mine
    """
    from regkit.io.settings import read_settings
    from regkit.runs.train import TrainJob

    given = read_settings(config)
    if output is not None:
        given["output"] = str(output)
    job = TrainJob(given, str(config), overwrite, running.full_paths)
    replace(running, resume=not overwrite).carry_out(job)
