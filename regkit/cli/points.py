"""`regkit points`: landmarks from one image's space to the other's."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from regkit.cli.options import Debug, Run
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.volume import Points


def points(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="CSV with the columns x, y, z in RAS+ mm, and name if wanted."
        ),
    ],
    transforms: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[TRANSFORM...]",
            help="Maps points of fixed to moving; several are applied in this order.",
        ),
    ] = None,
    run: Run = None,
    of: Annotated[
        Literal["fixed", "moving"],
        typer.Option(
            "--of", help="The image in which the points lie; they are mapped to the other one."
        ),
    ] = "fixed",
    debug: Debug = False,
) -> None:
    """Map landmarks from one image of a registered pair to the other, as CSV on stdout.

    Example: regkit points landmarks.csv --run out > landmarks_in_moving.csv

    Example: regkit points landmarks.csv out/transform.h5 > landmarks_in_moving.csv
    """
    from regkit.io import read_points
    from regkit.io.chain import open_chain
    from regkit.runs.origin import check_not_inverted, transform_from

    if (run is None) == (not transforms):
        raise InputError("give either TRANSFORM or --run FOLDER, which holds the transform")
    transforms = transforms or [transform_from(cast(Path, run), "fixed")]
    given = read_points(table)
    for transform in transforms:
        check_not_inverted(transform, of)
    phi = open_chain(transforms)
    if given.xyz.shape[1] != phi.ndim:
        raise InputError(
            f"{table.name}: its points are {given.xyz.shape[1]}-D and the transform {phi.ndim}-D; "
            "give points of the transform's dimension"
        )
    phi = phi if of == "fixed" else phi.inverse()
    typer.echo(as_csv(phi.map_points(given)), nl=False)


def as_csv(points: Points) -> str:
    """Header and one point a line, to a nanometre.

    Examples
    --------
    >>> import torch
    >>> from regkit import Points
    >>> print(as_csv(Points(torch.tensor([[1.0, 2.5, -3.0]]), ("tip",))), end="")
    x,y,z,name
    1.000000,2.500000,-3.000000,tip
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ["x", "y", "z"][: points.xyz.shape[1]]
    writer.writerow([*columns, "name"] if points.names else columns)
    for index, row in enumerate(points.xyz.tolist()):
        writer.writerow([*(f"{value:.6f}" for value in row), *points.names[index : index + 1]])
    return text.getvalue()
