"""`regkit apply`: another image or label map through a transform that was found before."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from regkit.cli.options import AssumeRas, Debug, Frame, Geometry, Nan, Overwrite


def apply(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The image that is moved.")],
    transforms: Annotated[
        list[Path],
        typer.Argument(
            metavar="TRANSFORM...",
            help="From the reference to IMAGE, in the order a point passes them.",
        ),
    ],
    onto: Annotated[Path, typer.Option(help="Image whose grid the result takes.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    labels: Annotated[
        bool, typer.Option("--labels", help="IMAGE holds labels: nearest voxel, never a mix.")
    ] = False,
    outside: Annotated[float, typer.Option(help="Value beyond IMAGE, such as -1000 for CT.")] = 0.0,
    geometry: Geometry = None,
    assume_ras: AssumeRas = False,
    frame: Frame = None,
    nan: Nan = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Resample IMAGE on the grid of a reference through TRANSFORMS.

    transform.h5 of `regkit register` warps the moving image, inverse.h5 the fixed one.
    """
    from regkit.io import read, read_labels, read_transform, save
    from regkit.resample import warp
    from regkit.transforms import compose

    header: dict[str, Any] = {"geometry": geometry, "assume_ras": assume_ras}
    grid = read(onto, **header).grid
    phi = compose(*(read_transform(path) for path in reversed(transforms)))
    take = read_labels if labels else partial(read, nan=nan)
    moving = take(image, frame=frame, **header)
    save(warp(moving, phi, onto=grid, outside=outside), output, overwrite=overwrite)
    typer.echo(str(output))
