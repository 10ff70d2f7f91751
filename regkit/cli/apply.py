"""`regkit apply`: another image or label map through a transform that was found before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.options import (
    Debug,
    Overwrite,
)
from regkit.cli.read_options import takes_read_options

if TYPE_CHECKING:
    from regkit.io import ReadOptions


@takes_read_options()
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
    *,
    reading: ReadOptions,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Resample IMAGE on the grid of a reference through TRANSFORMS.

    transform.h5 of `regkit register` warps the moving image, inverse.h5 the fixed one. Of a 4-D
    IMAGE every frame is warped, or the one that --frame names; all channels of an image are warped
    together, or those that --channel or --channels name.
    """
    from regkit.cli.chain import open_chain
    from regkit.io import (
        check_holds,
        check_output,
        labels_of,
        open_frames,
        open_image,
        read_header,
        refuse_overwriting_inputs,
        save_series,
    )
    from regkit.resample import warp

    check_output(output, overwrite=overwrite)
    refuse_overwriting_inputs([output], [image, onto, *transforms])
    # All frames and channels of a reference lie on one grid.
    reference = open_image(read_header(onto, reading).of(frame=0, channel=0))
    grid = reference.grid.straightened()
    check_holds(output, grid)
    phi = open_chain(transforms)
    header = read_header(image, reading)
    if reading.channel is None and reading.channels is None and header.channels > 1 and not labels:
        reading = replace(reading, channels="all")
    frames = header.each_frame(reading)
    check_output(output, overwrite=overwrite, frames=len(frames), channels=frames[0].kept)
    warped = [
        warp(labels_of(frame, header) if labels else frame, phi, onto=grid, outside=outside)
        for frame in open_frames(header, reading)
    ]
    save_series(warped, output, repetition=header.repetition, overwrite=overwrite)
    typer.echo(str(output))
