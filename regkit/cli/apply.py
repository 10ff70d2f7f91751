"""`regkit apply`: another image or label map through a transform that was found before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import (
    AllowShear,
    AssumeRas,
    Channel,
    Debug,
    Frame,
    Geometry,
    MaxBytes,
    Nan,
    Overwrite,
)


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
    allow_shear: AllowShear = False,
    frame: Frame = None,
    channel: Channel = None,
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
        Reading,
        check_output,
        open_image,
        open_labels,
        refuse_overwriting_inputs,
        save,
    )
    from regkit.resample import warp

    check_output(output, overwrite=overwrite)
    refuse_overwriting_inputs([output], [image, onto, *transforms])
    reading = Reading(geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes)
    # All frames and channels of a reference lie on one grid.
    grid = open_image(onto, replace(reading, frame=0, channel=0)).grid.straightened()
    phi = open_chain(transforms)
    moving = (open_labels if labels else open_image)(image, reading)
    save(warp(moving, phi, onto=grid, outside=outside), output, overwrite=overwrite)
    typer.echo(str(output))
