"""`regkit points`: landmarks and surfaces from one image's space to the other's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from regkit.cli.options import (
    Debug,
    DryRun,
    FullPaths,
    Json,
    Overwrite,
    Quiet,
    Record,
    Resume,
    Run,
)  # fmt: skip
from regkit.cli.way import chain_of
from regkit.errors import InputError


def points(
    points: Annotated[
        Path,
        typer.Argument(
            metavar="POINTS",
            help="CSV with the columns x, y, z in RAS+ mm, and name if wanted; .fcsv or .mrk.json "
            "of 3D Slicer; a surface in .vtk, .gii, .ply or .stl.",
        ),
    ],
    transforms: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[TRANSFORM...]",
            help="Maps points of fixed to moving; several are applied in this order.",
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to write, in the format of POINTS or as .csv (default: CSV on stdout)",
        ),
    ] = None,
    run: Run = None,
    of: Annotated[
        Literal["fixed", "moving"],
        typer.Option(
            "--of", help="The image in which the points lie; they are mapped to the other one."
        ),
    ] = "fixed",
    space: Annotated[
        Literal["ras", "lps"] | None,
        typer.Option(help="Space of the coordinates, where POINTS does not say it."),
    ] = None,
    record: Record = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Map landmarks or a surface from one image of a registered pair to the other.

    All else in POINTS stays as it is: names, triangles, colours. Normals are turned along.

    Example: regkit points landmarks.csv --run out > landmarks_in_moving.csv

    Example: regkit points tumour.mrk.json out/transform.h5 -o tumour_in_moving.mrk.json
    """
    from regkit.cli.job import carry_out
    from regkit.io.point_formats.comma_separated import as_csv
    from regkit.runs.points import PointsJob

    if (run is None) == (not transforms):
        raise InputError("give either TRANSFORM or --run FOLDER, which holds the transform")
    job = PointsJob(
        points, chain_of(transforms or (), run), output, of, space, record,
        overwrite=overwrite or resume, full_paths=full_paths,
    )  # fmt: skip
    if output is not None:
        carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
        return
    if record is not None or resume or dry_run or as_json:
        raise InputError("--record, --resume, --dry-run and --json are of a file; give --output")
    job.check()
    task = job.look().open()
    typer.echo(as_csv(task.phi.map_points(task.found.points)), nl=False)
