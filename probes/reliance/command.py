"""`regkit reliance`: what a model looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.config_command import ConfigCommand
from regkit.cli.option_group import takes
from regkit.cli.options import Debug
from regkit.cli.running import RUNNING, Running

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Suppress shape, texture or colour, and see how much of a model's skill is left.",
    epilog="Example: regkit reliance run study.yaml -o reliance",
)
Config = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="YAML file with data sets, models and suppressors.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")]


@app.command(cls=ConfigCommand)
@takes(RUNNING.without("record"))
def run(
    config: Config,
    output: Output = Path("reliance"),
    *,
    running: Running,
) -> None:
    """Ask models about images whose cues are suppressed, one cue and level after the other.

    The folder holds skill.csv, index.csv, contrasts.csv, audit.csv and report.html. The exit code
    is 3 if a model could not be judged.

    Example: regkit reliance run study.yaml -o reliance
    """
    from probes.images.places import read_image_settings
    from probes.reliance.config import RelianceConfig
    from probes.reliance.job import RelianceJob
    from regkit.cli.exits import PART_FAILED
    from regkit.errors import InputError

    study = read_image_settings(RelianceConfig, config)
    if not study.models:
        raise InputError(
            f"{config.name}: has no models; name one, or use `regkit reliance audit` for the "
            "suppressors alone"
        )
    job = RelianceJob(study, output, running.replaces, running.full_paths)
    done = running.carry_out(job)
    if done is not None and _unjudged(done.record["indices"], len(study.models) * len(study.data)):
        raise typer.Exit(PART_FAILED)


@app.command(cls=ConfigCommand)
@takes(RUNNING.without("record"))
def audit(
    config: Config,
    output: Output = Path("audit"),
    *,
    running: Running,
) -> None:
    """Measure what the suppressors remove from the data sets, and what else they do to them.

    The models of CONFIG are not asked. The folder holds audit.csv and report.html.

    Example: regkit reliance audit study.yaml -o audit
    """
    from probes.images.places import read_image_settings
    from probes.reliance.config import RelianceConfig
    from probes.reliance.job import RelianceJob

    study = read_image_settings(RelianceConfig, config).model_copy(update={"models": ()})
    job = RelianceJob(study, output, running.replaces, running.full_paths)
    running.carry_out(job)


@app.command()
def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Results of `regkit reliance run`.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")],
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Feature reliance",
    debug: Debug = False,
) -> None:
    """Bring the results of several runs together on one page.

    Example: regkit reliance report xrays satellite -o together.html
    """
    from probes.reliance.together import write_together

    typer.echo(write_together(folders, output, title))


def _unjudged(indices: list[dict[str, str]], wanted: int) -> bool:
    return len({(each["data"], each["model"]) for each in indices}) < wanted
