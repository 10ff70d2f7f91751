"""`regkit study`: how far promptable segmenters can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from regkit.cli.config_command import ConfigCommand
from regkit.cli.exits import PART_FAILED
from regkit.cli.options import Debug, Json, Overwrite, Quiet

if TYPE_CHECKING:
    from regkit.cohort import CohortDone

AnyPlan = TypeVar("AnyPlan")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Study how far promptable 3-D segmenters can be trusted.",
    epilog="Example: regkit study models",
)

Config = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="YAML file with models, cases and questions.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")]
WorkerCount = Annotated[
    int | None, typer.Option(help="Number of processes (default: as many as fit).")
]
ThreadCount = Annotated[int | None, typer.Option(help="Threads of each process.")]
Scheduler = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:PORT", help="Run on this Dask scheduler.")
]
StudyResume = Annotated[bool, typer.Option("--resume", help="Skip what is finished.")]
StudyDryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check every case, list what would be done and stop.")
]


@app.command()
def models() -> None:
    """List the segmenters that a study can name.

    Where weights are unverified, the network is the real one, but its released weights were never
    run by those who wrote this; compare a first result with that of the model's own program.

    Example: regkit study models
    """
    from foundation.segmenters.registry import segmenter_summaries

    for name, text in segmenter_summaries().items():
        typer.echo(f"{name:<20}{text}")


@app.command(cls=ConfigCommand)
def robustness(
    config: Config,
    output: Output = Path("robustness"),
    workers: WorkerCount = None,
    threads: ThreadCount = None,
    scheduler: Scheduler = None,
    resume: StudyResume = False,
    overwrite: Overwrite = False,
    dry_run: StudyDryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure how segmenters bear prompts that are wrong.

    The folder holds cells.parquet with a row for each question, study.html, and a folder for each
    model and case. The exit code is 3 if a row failed.

    Example: regkit study robustness study.yaml -o robustness
    """
    from foundation.studies.config import read_study
    from foundation.studies.kept_rows import check_kept_rows
    from foundation.studies.robustness.config import RobustnessConfig
    from foundation.studies.robustness.study import finish_robustness, plan_robustness
    from regkit.cli.many import run_plan
    from regkit.cohort.start import Workplace

    study = read_study(config, RobustnessConfig)
    plan = _planned(
        lambda: plan_robustness(config, study, output, overwrite=overwrite, resume=resume)
    )
    if dry_run:
        typer.echo("\n".join(each.row.name for each in plan.pairs))
        return
    place = Workplace(scheduler=scheduler, workers=workers, threads=threads)
    if resume:
        check_kept_rows(plan)
    done = run_plan(plan, place, resume=resume, overwrite=overwrite, quiet=quiet)
    files = finish_robustness(study, plan)
    _tell(done, files, failed=done.count.failed, as_json=as_json)


@app.command(cls=ConfigCommand)
def generalization(
    config: Config,
    output: Output = Path("generalization"),
    workers: WorkerCount = None,
    threads: ThreadCount = None,
    scheduler: Scheduler = None,
    resume: StudyResume = False,
    overwrite: Overwrite = False,
    dry_run: StudyDryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure how segmenters fare in other domains, and what prompts make up for.

    The folder holds cells.parquet with a row for each question, study.html, and the images, atlas
    labels and answers of every model and case. The exit code is 3 if a row failed, or the
    registration of the atlas to an image.

    Example: regkit study generalization study.yaml -o generalization
    """
    from foundation.studies.config import read_study
    from foundation.studies.generalization.config import GeneralizationConfig
    from foundation.studies.generalization.study import GeneralizationStudy
    from foundation.studies.kept_rows import check_kept_rows
    from regkit.cli.many import run_plan
    from regkit.cohort.start import Workplace

    given = read_study(config, GeneralizationConfig)
    study = GeneralizationStudy(config, given, output, overwrite, resume)
    plan = _planned(study.check)
    if dry_run:
        typer.echo("\n".join(each.row.name for each in plan.pairs))
        return
    place = Workplace(scheduler=scheduler, workers=workers, threads=threads)
    study.shift_images()
    atlas, failed = _planned(study.plan_atlas), 0
    if atlas is not None:
        if resume:
            check_kept_rows(atlas)
        brought = run_plan(atlas, place, resume=resume, overwrite=overwrite, quiet=quiet)
        failed = brought.count.failed
    plan = _planned(lambda: study.plan_answers(atlas))
    if resume:
        check_kept_rows(plan)
    done = run_plan(plan, place, resume=resume, overwrite=overwrite, quiet=quiet)
    failed += done.count.failed
    _tell(done, study.finish(plan), failed=failed, as_json=as_json)


@app.command("released")
def released_scores(
    scores: Annotated[
        Path,
        typer.Argument(metavar="SCORES", help="Folder or JSON file in the layout of the paper."),
    ],
    model: Annotated[str, typer.Option(help="Whose scores they are.")] = "model",
    seed: Annotated[int, typer.Option(min=0, help="Draws the intervals.")] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Summarise published scores of prompt robustness, as the paper and as a study does.

    SCORES is in a layout of ucsdbiag/Prompt-Robustness-MedSegFMs. Scores that name their case are
    compared in pairs with those of the prompt as it was; others have means alone.

    Example: regkit study released nnInteractive/evals_nninteractive --model nnInteractive
    """
    import json

    from foundation.studies.released import read_released
    from foundation.studies.released_table import RELEASED_TITLES, released_means
    from foundation.studies.summary import Judgement

    means = released_means(read_released(scores), model, Judgement(seed=seed))
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in means], indent=1))
        return
    rows = [RELEASED_TITLES, *(each.texts() for each in means)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(RELEASED_TITLES))]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _planned(make: Callable[[], AnyPlan]) -> AnyPlan:
    """A plan, or every problem on a line of its own."""
    from regkit.cohort import TableError

    try:
        return make()
    except TableError as error:
        for line in error.lines():
            typer.echo(line, err=True)
        raise


def _tell(done: CohortDone, files: Sequence[Path], *, failed: int, as_json: bool) -> None:
    typer.echo(done.files[-1].read_text() if as_json else "\n".join(map(str, files)))
    if failed:
        raise typer.Exit(PART_FAILED)
