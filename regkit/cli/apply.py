"""`regkit apply`: another image or label map through a transform that was found before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.options import (
    Debug,
    DryRun,
    FullPaths,
    Json,
    Onto,
    Overwrite,
    Quiet,
    Record,
    Resume,
    Run,
)
from regkit.cli.read_options import takes_read_options
from regkit.cli.way import way_of

if TYPE_CHECKING:
    from regkit.io import ReadOptions


@takes_read_options()
def apply(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image or label map to resample.")],
    transforms: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[TRANSFORM...]",
            help="Maps points of the reference to IMAGE; several are applied in this order.",
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    onto: Onto = None,
    run: Run = None,
    to: Annotated[
        Literal["fixed", "moving"],
        typer.Option("--to", help="With --run: the image of it onto which IMAGE is warped."),
    ] = "fixed",
    labels: Annotated[
        bool | None,
        typer.Option(
            help="Whether IMAGE is a label map, whose values are never mixed (default: it is not; "
            "one that looks like labels is refused)",
        ),
    ] = None,
    interpolation: Annotated[
        Literal["linear", "nearest", "cubic", "sinc", "label"] | None,
        typer.Option(
            help="Way between voxels: of images linear, nearest, cubic (B-spline) or sinc (slow); "
            "with --labels nearest or label, smoother borders (default: linear; nearest)",
        ),
    ] = None,
    outside: Annotated[
        float, typer.Option(help="Value outside IMAGE, such as -1000 for CT.")
    ] = 0.0,
    reading: ReadOptions,
    record: Record = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Resample IMAGE on the grid of a reference through a transform.

    The transform.h5 of `regkit register` warps the moving image, its inverse.h5 the fixed image.
    All frames and channels are warped unless --frame, --channel or --channels choose among them.

    Of scenes on the earth all bands are written with their names, type, nodata and tags.

    Example: regkit apply labels.nii.gz --run out --labels -o warped_labels.nii.gz

    Example: regkit apply labels.nii.gz out/transform.h5 --onto fixed.nii.gz --labels -o out.nii.gz
    """
    from regkit.cli.job import carry_out
    from regkit.runs.apply import ApplyJob

    chain, reference = way_of(transforms or [], onto, run, to)
    job = ApplyJob(
        image, chain, reference, labels, outside, interpolation, output=output, record=record,
        reading=reading, overwrite=overwrite or resume, full_paths=full_paths,
    )  # fmt: skip
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
