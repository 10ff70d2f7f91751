"""`regkit apply`: another image or label map through a transform that was found before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from regkit.cli.options import AssumeRas, Debug, Frame, Geometry, MaxBytes, Nan, Overwrite


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
    max_bytes: MaxBytes = 2**31,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Resample IMAGE on the grid of a reference through TRANSFORMS.

    transform.h5 of `regkit register` warps the moving image, inverse.h5 the fixed one.
    """
    from regkit.cli.chain import open_chain
    from regkit.io import (
        check_output,
        read,
        read_labels,
        refuse_overwriting_inputs,
        save,
    )
    from regkit.resample import warp

    check_output(output, overwrite=overwrite)
    refuse_overwriting_inputs([output], [image, onto, *transforms])
    header: dict[str, Any] = {
        "geometry": geometry,
        "assume_ras": assume_ras,
        "max_bytes": max_bytes,
    }
    grid = read(onto, nan=nan, **header).grid
    phi = open_chain(transforms)
    moving = (read_labels if labels else read)(image, frame=frame, nan=nan, **header)
    save(warp(moving, phi, onto=grid, outside=outside), output, overwrite=overwrite)
    typer.echo(str(output))
