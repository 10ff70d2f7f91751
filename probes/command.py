"""`regkit probe`: what linear probes can tell of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.running import RUNNING, Running

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Judge by linear probes what features of images tell of an outcome.",
    epilog="Example: regkit probe run --config study.yaml -o probe",
)

Config = Annotated[
    Path, typer.Option("--config", "-c", help="YAML file with table, outcome and features.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")]
Cache = Annotated[
    Path | None, typer.Option(help="Folder in which features are kept, over that of the file.")
]

Table = Annotated[
    Path | None, typer.Option(help="Table, archive or folder of the images, over that of the file.")
]


@app.command()
@takes(RUNNING.without("record"))
def run(
    config: Config,
    output: Output = Path("probe"),
    table: Table = None,
    cache: Cache = None,
    *,
    running: Running,
) -> None:
    """Judge probes on a table of images, one row an image.

    The folder holds results.parquet with a row for each measure, predictions.parquet, report.html
    and run.json.

    Example: regkit probe run --config study.yaml --table images.csv -o probe
    """
    from probes.study.config import ProbeConfig, read_probe_config
    from probes.study.job import ProbeJob

    study = read_probe_config(config, ProbeConfig, table=table, cache=cache)
    job = ProbeJob(study, output, overwrite=running.replaces, full_paths=running.full_paths)
    running.carry_out(job)


@app.command()
@takes(RUNNING.without("record"))
def progression(
    config: Config,
    output: Output = Path("probe-progression"),
    table: Table = None,
    cache: Cache = None,
    *,
    running: Running,
) -> None:
    """Judge probes on two visits of each subject, unaligned and aligned by regkit.

    The folder holds results.parquet with a row for each measure, predictions.parquet, report.html
    and run.json.

    Example: regkit probe progression --config study.yaml --table visits.csv -o progression
    """
    from probes.study.config import read_probe_config
    from probes.study.progression import ProbeProgressionJob
    from probes.study.progression_config import ProbeProgressionConfig

    study = read_probe_config(config, ProbeProgressionConfig, table=table, cache=cache)
    job = ProbeProgressionJob(
        study, output, overwrite=running.replaces, full_paths=running.full_paths
    )
    running.carry_out(job)
