"""`regkit evaluate`: how well labels and landmarks of two images lie on each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.options import Run
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running
from regkit.cli.transform_ends import ENDS, TransformEnds
from regkit.cli.transform_files import transform_files

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_LABELS = "Labels"


@takes(ENDS.without("output_program"), READING, RUNNING.without("record"))
def evaluate(
    transforms: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[TRANSFORM...]",
            help="Maps points of fixed to moving; several are applied in this order.",
        ),
    ] = None,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the tables.")
    ],
    run: Run = None,
    fixed_labels: Annotated[
        Path | None, typer.Option(help="Label map of fixed.", rich_help_panel=_LABELS)
    ] = None,
    moving_labels: Annotated[
        Path | None, typer.Option(help="Label map of moving.", rich_help_panel=_LABELS)
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Distance up to which surfaces agree, in world units; the largest spacing of the "
            "labels of fixed if left out.",
            rich_help_panel=_LABELS,
        ),
    ] = None,
    landmarks: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="FIXED MOVING",
            help="The same landmarks in both images, in one order: two files.",
        ),
    ] = None,
    onto: Annotated[
        Path | None,
        typer.Option(
            help="Image on whose grid folding is measured; the labels of fixed if left out."
        ),
    ] = None,
    ends: TransformEnds,
    reading: ReadOptions,
    running: Running,
) -> None:
    """Measure a registration by labels and landmarks, whoever made it.

    Dice, surface Dice and surface distances of every structure, errors of landmarks, folding:
    without the transform and with it. Without any transform both must lie in one place already.

    Example: regkit evaluate --run out --fixed-labels a.nii.gz --moving-labels b.nii.gz -o scores

    Example: regkit evaluate warp.h5 --landmarks a.csv b.csv -o scores

    With --from, the labels lie on the grids of the images that the transform connects, unless
    --fixed and --moving name these.
    """
    from regkit.runs.evaluate import EvaluateJob, EvaluatePaths

    chain = transform_files(transforms or (), run)
    points = landmarks or (None, None)
    paths = EvaluatePaths(
        fixed_labels, moving_labels, points[0], points[1], onto, ends.fixed, ends.moving, chain
    )
    job = EvaluateJob(
        paths, output, tolerance, reading, ends.program, running.replaces, running.full_paths
    )
    running.carry_out(job)
