"""`regkit diagnose`: questions to models and data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet, Resume

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Ask how much of an encoder is needed, what maps of attribution and their metrics are "
    "worth, and what augmentations do to spectra.",
    epilog="Example: regkit diagnose redundancy encoders.yaml -o redundancy",
)


Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file with data and settings.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")]


@app.command()
def redundancy(
    config: Config,
    output: Output = Path("redundancy"),
    resume: Resume = False,
    overwrite: Overwrite = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Cut the width of encoders, and probe how much of their skill is left.

    The folder holds widths.csv, spectra.csv and report.html.

    Example: regkit diagnose redundancy encoders.yaml -o redundancy
    """
    from probes.diagnosis.redundancy.config import read_redundancy
    from probes.diagnosis.redundancy.job import RedundancyJob
    from regkit.cli.job import carry_out

    analysis = read_redundancy(config)
    job = RedundancyJob(analysis, output, overwrite or resume, full_paths)
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)


@app.command()
def attribution(
    config: Config,
    output: Output = Path("attribution"),
    resume: Resume = False,
    overwrite: Overwrite = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Judge methods of attribution by ten metrics, and the metrics by planted truth and noise.

    The folder holds methods.csv, trust.csv, relevance.csv, maps.npz and report.html. The exit code
    is 3 if a model could not be judged.

    Example: regkit diagnose attribution models.yaml -o attribution
    """
    from probes.diagnosis.attribution.config import read_attribution
    from probes.diagnosis.attribution.job import AttributionJob
    from regkit.cli.exits import PART_FAILED
    from regkit.cli.job import carry_out

    diagnosis = read_attribution(config)
    job = AttributionJob(diagnosis, output, overwrite or resume, full_paths)
    done = carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
    if done is not None and done.record["not_judged"]:
        raise typer.Exit(PART_FAILED)


@app.command()
def augmentation(
    config: Config,
    output: Output = Path("augmentation"),
    resume: Resume = False,
    overwrite: Overwrite = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare how far augmentations move the spectrum of a pixel with what dates do.

    The folder holds augmentations.csv and report.html.

    Example: regkit diagnose augmentation stack.yaml -o augmentation
    """
    from probes.diagnosis.augmentation.config import read_augmentation_audit
    from probes.diagnosis.augmentation.job import AugmentationJob
    from regkit.cli.job import carry_out

    audit = read_augmentation_audit(config)
    job = AugmentationJob(audit, output, overwrite or resume, full_paths)
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
