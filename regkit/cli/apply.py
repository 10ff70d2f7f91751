"""`regkit apply`: another image or label map through a transform that was found before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.options import (
    Debug,
    DryRun,
    FullPaths,
    Json,
    Overwrite,
    Quiet,
    Resume,
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
    record: Annotated[
        Path | None,
        typer.Option(help="JSON of what was done, for --resume and `regkit rerun`."),
    ] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Resample IMAGE on the grid of a reference through TRANSFORMS.

    transform.h5 of `regkit register` warps the moving image, inverse.h5 the fixed one. Of a 4-D
    IMAGE every frame is warped, or the one that --frame names; all channels of an image are warped
    together, or those that --channel or --channels name.
    """
    from regkit.cli.job import carry_out
    from regkit.runs.apply import ApplyJob

    job = ApplyJob(
        image, tuple(transforms), onto, output, record=record, labels=labels, outside=outside,
        reading=reading, overwrite=overwrite or resume, full_paths=full_paths,
    )  # fmt: skip
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
