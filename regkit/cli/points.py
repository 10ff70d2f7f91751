"""`regkit points`: landmarks and surfaces from one image's space to the other's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from regkit.cli.option_group import takes
from regkit.cli.options import Run
from regkit.cli.running import RUNNING, Running
from regkit.cli.transform_ends import ENDS, TransformEnds
from regkit.cli.transform_files import transform_files
from regkit.errors import InputError


@takes(ENDS.without("output_program"), RUNNING)
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
    ends: TransformEnds,
    running: Running,
) -> None:
    """Map landmarks or a surface from one image of a registered pair to the other.

    All else in POINTS stays as it is: names, triangles, colours. Normals are turned along.

    Example: regkit points landmarks.csv --run out > landmarks_in_moving.csv

    Example: regkit points tumour.mrk.json out/transform.h5 -o tumour_in_moving.mrk.json
    """
    from regkit.io.point_formats.comma_separated import as_csv
    from regkit.runs.points import PointMapping, PointsJob, open_mapping

    if (run is None) == (not transforms):
        raise InputError("give either TRANSFORM or --run FOLDER, which holds the transform")
    way = PointMapping(
        transform_files(transforms or (), run), of, ends.program, ends.fixed, ends.moving
    )
    if output is not None:
        job = PointsJob(points, way, space, output=output, **running.for_file)
        running.carry_out(job)
        return
    if running.record is not None or running.resume or running.dry_run or running.as_json:
        raise InputError("--record, --resume, --dry-run and --json are of a file; give --output")
    typer.echo(as_csv(open_mapping(points, way, space).mapped()), nl=False)
