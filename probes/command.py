"""`regkit probe`: what linear probes can tell of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet, Resume

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


@app.command()
def run(
    config: Config,
    output: Output = Path("probe"),
    cache: Cache = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Judge probes on a table of images, one row an image.

    The folder holds results.parquet with a row for each measure, predictions.parquet, report.html
    and run.json.

    Example: regkit probe run --config study.yaml -o probe
    """
    from probes.study.config import ProbeConfig, read_probe_config
    from probes.study.job import ProbeJob
    from regkit.cli.job import carry_out

    study = read_probe_config(config, ProbeConfig)
    if cache is not None:
        study = study.model_copy(update={"cache": cache})
    job = ProbeJob(study, output, overwrite=overwrite or resume, full_paths=full_paths)
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)


@app.command()
def progression(
    config: Config,
    output: Output = Path("probe-progression"),
    cache: Cache = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Judge probes on two visits of each subject, unaligned and aligned by regkit.

    The folder holds results.parquet with a row for each measure, predictions.parquet, report.html
    and run.json.

    Example: regkit probe progression --config study.yaml -o progression
    """
    from probes.study.config import read_probe_config
    from probes.study.progression import ProbeProgressionJob
    from probes.study.progression_config import ProbeProgressionConfig
    from regkit.cli.job import carry_out

    study = read_probe_config(config, ProbeProgressionConfig)
    if cache is not None:
        study = study.model_copy(update={"cache": cache})
    job = ProbeProgressionJob(study, output, overwrite=overwrite or resume, full_paths=full_paths)
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
