"""`regkit cohort`: many jobs of one kind, from a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from regkit.cli.exits import PART_FAILED
from regkit.cli.options import Debug, Json, Overwrite, Quiet

if TYPE_CHECKING:
    from regkit.cohort import PairTable, Plan, RowKind

_PAIRS, _WHERE, _RUNNING = "Pairs from a table of images", "Where it runs", "Running"
Queue = Literal["slurm", "pbs", "sge"]


def cohort(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="Job to run: register, scene, apply, evaluate, denoise or another."
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="TABLE", help="Table of rows: CSV, TSV, JSON lines (.jsonl) or Parquet."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")] = Path(
        "cohort"
    ),
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Option for rows that set none of their own; repeatable."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with options for all rows.")
    ] = None,
    to_atlas: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Register every image to this one.", rich_help_panel=_PAIRS
        ),
    ] = None,
    all_pairs: Annotated[
        bool,
        typer.Option("--all-pairs", help="Register every two images once.", rich_help_panel=_PAIRS),
    ] = False,
    longitudinal: Annotated[
        bool,
        typer.Option(
            "--longitudinal",
            help="Register each later session of a subject to its first.",
            rich_help_panel=_PAIRS,
        ),
    ] = False,
    bids: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Take images of a BIDS data set instead of TABLE; write derivatives too.",
            rich_help_panel=_PAIRS,
        ),
    ] = None,
    bids_filter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENTITY=VALUE",
            help="Choose images of it, such as suffix=FLAIR (default: suffix=T1w); repeatable.",
            rich_help_panel=_PAIRS,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Number of processes (default: as many as fit).", rich_help_panel=_WHERE),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of each process.", rich_help_panel=_WHERE)
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT", help="Run on this Dask scheduler.", rich_help_panel=_WHERE
        ),
    ] = None,
    queue: Annotated[
        Queue | None,
        typer.Option(
            help="Take workers from a batch system, as dask-jobqueue is configured.",
            rich_help_panel=_WHERE,
        ),
    ] = None,
    dashboard: Annotated[
        bool,
        typer.Option(
            "--dashboard", help="Serve Dask's dashboard at 127.0.0.1:8787.", rich_help_panel=_WHERE
        ),
    ] = False,
    retries: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of new attempts for a pair whose process died.",
            rich_help_panel=_RUNNING,
        ),
    ] = 2,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Skip pairs that are finished.", rich_help_panel=_RUNNING),
    ] = False,
    overwrite: Overwrite = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Count a result of quality fail as failed.", rich_help_panel=_RUNNING
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row, list the pairs and stop.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run a job for every row of TABLE; write a folder for each, one table and one overview.

    All rows are checked by their headers before the first starts. The exit code is 3 if any failed.

    Example: regkit cohort register pairs.csv -o out
    """
    from regkit.cohort import TableError, kind_called, plan_cohort

    how = kind_called(kind)
    try:
        given = _given(table, bids, bids_filter or ())
        rows = _paired(
            given, to_atlas=to_atlas, all_pairs=all_pairs, longitudinal=longitudinal,
            needed=bids is not None,
        )  # fmt: skip
        plan = plan_cohort(
            rows, how, output, options=row_options(how, option or (), config), overwrite=overwrite,
            resume=resume,
        )  # fmt: skip
    except TableError as error:
        for line in error.lines():
            typer.echo(line, err=True)
        raise
    if dry_run:
        for each in plan.pairs:
            typer.echo(each.row.name)
        return
    _run(
        plan, scheduler=scheduler, queue=queue, workers=workers, threads=threads,
        dashboard=dashboard, retries=retries, resume=resume, overwrite=overwrite, strict=strict,
        as_json=as_json, quiet=quiet, bids=bids,
    )  # fmt: skip


def _given(path: Path | None, bids: Path | None, wanted: Sequence[str]) -> PairTable:
    """The table that is meant: a file, or the images of a BIDS data set."""
    from regkit.cohort import read_pair_table
    from regkit.errors import InputError

    if (path is None) == (bids is None):
        raise InputError("give either TABLE or --bids DIR")
    if path is not None:
        return read_pair_table(path)
    from regkit.cohort.bids import read_bids

    return read_bids(Path(bids or ""), dict(_split("--bids-filter", word) for word in wanted))


def _paired(
    table: PairTable, *, to_atlas: Path | None, all_pairs: bool, longitudinal: bool, needed: bool
) -> PairTable:
    """The rows of a table, paired where that is asked for."""
    from regkit.cohort.pairing import Pairing, pair_images
    from regkit.errors import InputError

    asked: dict[Pairing, bool] = {
        "to-atlas": to_atlas is not None, "all-pairs": all_pairs, "longitudinal": longitudinal
    }  # fmt: skip
    chosen = [name for name, wanted in asked.items() if wanted]
    if len(chosen) > 1:
        raise InputError(f"--{chosen[0]} and --{chosen[1]} are both given; give one of them")
    if needed and not chosen:
        raise InputError("--bids needs --to-atlas, --all-pairs or --longitudinal")
    return pair_images(table, chosen[0], atlas=to_atlas) if chosen else table


def _split(option: str, word: str) -> tuple[str, str]:
    from regkit.errors import InputError

    name, equals, value = word.partition("=")
    if not equals:
        raise InputError(f"{option} {word!r:.40} is not like NAME=VALUE")
    return name.strip(), value.strip()


def row_options(kind: RowKind, words: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Options of all rows: those of a file, and single ones over them."""
    from regkit.cohort.parsing import value_of
    from regkit.errors import InputError
    from regkit.io.settings import read_settings
    from regkit.settings import near

    found = read_settings(file) if file else {}
    for word in words:
        name, value = _split("--option", word)
        found[name] = value_of(value)
    for name in found:
        if kind.options is not None and name not in kind.options:
            raise InputError(f"--option {name!r:.40} is unknown{near(name, kind.options)}")
    return found


def _run(
    plan: Plan, *, strict: bool, as_json: bool, quiet: bool, bids: Path | None, **given: Any
) -> None:
    """Run a plan with what a person sees of it."""
    from regkit.cli.many import run_plan
    from regkit.cli.terminal import say
    from regkit.cohort.start import Workplace

    names = ("scheduler", "queue", "workers", "threads", "dashboard")
    place = Workplace(**{name: given.pop(name) for name in names})
    done = run_plan(plan, place, quiet=quiet, **given)
    if bids is not None:
        from regkit.cohort.bids import write_derivatives

        write_derivatives(plan, bids)
    say(done.summary(), quiet=quiet)
    typer.echo(done.files[-1].read_text() if as_json else "\n".join(map(str, done.files)))
    if done.count.failed or (strict and done.count.unfit):
        raise typer.Exit(PART_FAILED)
