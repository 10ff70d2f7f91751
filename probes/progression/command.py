"""`regkit progression`: by how much structures change between two visits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running

if TYPE_CHECKING:
    from probes.progression.config import ProgressionConfig
    from regkit.io import ReadOptions


@takes(READING, RUNNING.without("record"))
def progression(
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="Image of the first visit.")],
    follow_up: Annotated[
        Path, typer.Argument(metavar="FOLLOW_UP", help="Image of a later visit, same contrast.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")] = Path(
        "progression"
    ),
    labels: Annotated[
        Path | None, typer.Option(help="Structures of the baseline, on its grid.")
    ] = None,
    structure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=LABEL,LABEL",
            help="A structure made of these labels; repeatable (default: every label).",
        ),
    ] = None,
    repeat: Annotated[
        Path | None, typer.Option(help="A second scan of the first visit, to see what is error.")
    ] = None,
    years: Annotated[float, typer.Option(help="Time between the visits, for a rate.")] = 0.0,
    config: Annotated[Path | None, typer.Option(help="YAML file with settings.")] = None,
    reading: ReadOptions,
    running: Running,
) -> None:
    """Measure the percentage by which structures grow or shrink from BASELINE to FOLLOW_UP.

    Both images show one person in one contrast, and are treated alike: exchanging them changes the
    sign. Writes changes.tsv, transform.h5, jacobian.nii.gz, a report and run.json.

    Example: regkit progression first.nii.gz second.nii.gz --labels first_labels.nii.gz -o change

    Example: regkit progression a.nii b.nii --labels l.nii --structure ventricles=4,43 --years 1.5
    """
    from probes.progression.job import ProgressionJob

    job = ProgressionJob(
        baseline, follow_up, output, labels, tuple(map(_structure, structure or ())), repeat,
        years, _config(config), reading, running.replaces, running.full_paths,
    )  # fmt: skip
    running.carry_out(job)


def _structure(word: str) -> tuple[str, tuple[int, ...]]:
    from regkit.errors import InputError

    name, _, values = word.partition("=")
    try:
        group = tuple(int(value) for value in values.split(","))
    except ValueError:
        group = ()
    if not name.strip() or not group:
        raise InputError(
            f"--structure {word!r:.60} is no structure; write a name and its labels, such as "
            "ventricles=4,43"
        )
    return name.strip(), group


def _config(path: Path | None) -> ProgressionConfig:
    from probes.progression.config import ProgressionConfig
    from regkit.io.settings import read_settings
    from regkit.settings import validate

    given = {} if path is None else read_settings(path)
    return validate(ProgressionConfig, given, "option" if path is None else f"{path.name}:")
