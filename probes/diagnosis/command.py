"""`regkit diagnose`: questions to models and data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.config_command import ConfigCommand
from regkit.cli.option_group import takes
from regkit.cli.running import RUNNING, Running

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Ask how much of an encoder is needed, what maps of attribution and their metrics are "
    "worth, and what augmentations do to spectra.",
    epilog="Example: regkit diagnose redundancy encoders.yaml -o redundancy",
)


Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file with data and settings.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")]


@app.command(cls=ConfigCommand)
@takes(RUNNING.without("record"))
def redundancy(
    config: Config,
    output: Output = Path("redundancy"),
    *,
    running: Running,
) -> None:
    """Cut the width of encoders, and probe how much of their skill is left.

    The folder holds widths.csv and spectra.csv, layers.csv, layer_spectra.csv and
    layer_correlation.csv of the whole encoder layer by layer, and report.html.

    Example: regkit diagnose redundancy encoders.yaml -o redundancy
    """
    from probes.diagnosis.redundancy.config import RedundancyConfig
    from probes.diagnosis.redundancy.job import RedundancyJob
    from probes.images.places import read_image_settings

    analysis = read_image_settings(RedundancyConfig, config)
    job = RedundancyJob(analysis, output, running.replaces, running.full_paths)
    running.carry_out(job)


@app.command(cls=ConfigCommand)
@takes(RUNNING.without("record"))
def attribution(
    config: Config,
    output: Output = Path("attribution"),
    *,
    running: Running,
) -> None:
    """Judge methods of attribution by ten metrics, and the metrics by planted truth and noise.

    The folder holds methods.csv, trust.csv, relevance.csv, maps.npz and report.html. The exit code
    is 3 if a model could not be judged.

    Example: regkit diagnose attribution models.yaml -o attribution
    """
    from probes.diagnosis.attribution.config import AttributionConfig
    from probes.diagnosis.attribution.job import AttributionJob
    from probes.images.places import read_image_settings
    from regkit.cli.exits import PART_FAILED

    diagnosis = read_image_settings(AttributionConfig, config)
    job = AttributionJob(diagnosis, output, running.replaces, running.full_paths)
    done = running.carry_out(job)
    if done is not None and done.record["not_judged"]:
        raise typer.Exit(PART_FAILED)


@app.command(cls=ConfigCommand)
@takes(RUNNING.without("record"))
def augmentation(
    config: Config,
    output: Output = Path("augmentation"),
    *,
    running: Running,
) -> None:
    """Compare how far augmentations move the spectrum of a pixel with what dates do.

    The folder holds augmentations.csv and report.html.

    Example: regkit diagnose augmentation stack.yaml -o augmentation
    """
    from probes.diagnosis.augmentation.config import read_augmentation_audit
    from probes.diagnosis.augmentation.job import AugmentationJob

    audit = read_augmentation_audit(config)
    job = AugmentationJob(audit, output, running.replaces, running.full_paths)
    running.carry_out(job)
