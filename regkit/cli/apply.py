"""`regkit apply`: another image or label map through a transform that was found before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.directions import DIRECTIONS, Directions
from regkit.cli.option_group import takes
from regkit.cli.options import Onto, Run
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running
from regkit.cli.transform_ends import ENDS, TransformEnds
from regkit.cli.transform_files import transform_files_and_grid
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.io import ReadOptions


@takes(ENDS.without("fixed", "moving", "output_program"), DIRECTIONS, READING, RUNNING)
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
    voxel: Annotated[
        str | None,
        typer.Option(
            metavar="LENGTH|X,Y[,Z]",
            help="Size of the result's voxels, over the extent of the reference (default: its own)",
        ),
    ] = None,
    ends: TransformEnds,
    directions: Directions,
    reading: ReadOptions,
    running: Running,
) -> None:
    """Resample IMAGE on the grid of a reference through a transform.

    The transform.h5 of `regkit register` warps the moving image, its inverse.h5 the fixed image.
    All frames and channels are warped unless --frame, --channel or --channels choose among them.
    With --from, IMAGE and the reference are the images that the transform connects.

    Example: regkit apply in.nii flirt.mat --from fsl --onto ref.nii --voxel 1 -o out.nii

    Example: regkit apply dti_tensor.nii.gz --run out --tensors fsl -o warped_tensor.nii.gz

    Of scenes on the earth all bands are written with their names, type, nodata and tags. After
    `regkit register --shift-only` the file is shifted likewise, and no pixel resampled.

    Example: regkit apply labels.nii.gz --run out --labels -o warped_labels.nii.gz

    Example: regkit apply labels.nii.gz out/transform.h5 --onto fixed.nii.gz --labels -o out.nii.gz
    """
    from regkit.runs.apply import ApplyJob
    from regkit.runs.shift import GeoShiftJob, shift_only
    from regkit.runs.voxel_sizes import voxel_sizes

    shift = shift_only(run) if run and not transforms and not onto and to == "fixed" else None
    if shift is not None:
        _check_only_shifted(
            labels or interpolation or voxel or outside or ends.program or directions.turned()
        )
        running.carry_out(
            GeoShiftJob(image, shift, output=output, reading=reading, **running.for_file)
        )
        return
    chain, reference = transform_files_and_grid(transforms or [], onto, run, to)
    job = ApplyJob(
        image, chain, reference, labels, outside, interpolation,
        None if voxel is None else voxel_sizes(voxel), directions.turned(), ends.program,
        output=output, reading=reading, **running.for_file,
    )  # fmt: skip
    running.carry_out(job)


def _check_only_shifted(more: object) -> None:
    if more:
        raise InputError(
            "the run resampled nothing (--shift-only), and so does apply: leave out --labels, "
            "--interpolation, --voxel, --outside, --from and directions, or give --onto to resample"
        )
