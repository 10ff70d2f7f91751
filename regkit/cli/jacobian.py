"""`regkit jacobian`: the local change of volume of a transform."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
)  # fmt: skip
from regkit.cli.read_options import takes_read_options
from regkit.cli.way import way_of

if TYPE_CHECKING:
    from regkit.io import ReadOptions


@takes_read_options()
def jacobian(
    transforms: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[TRANSFORM...]",
            help="Maps points of fixed to moving; several are applied in this order.",
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    onto: Onto = None,
    run: Run = None,
    log: Annotated[bool, typer.Option("--log", help="Write the natural logarithm.")] = False,
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
    """Write how much volume of moving each voxel of fixed covers: the Jacobian determinant.

    Above 1 moving is larger than fixed there, below 1 smaller; at 0 and below the transform folds.

    Example: regkit jacobian warp.h5 --onto fixed.nii.gz --log -o log_jacobian.nii.gz
    """
    from regkit.cli.job import carry_out
    from regkit.runs.jacobian import JacobianJob

    chain, reference = way_of(transforms or [], onto, run)
    job = JacobianJob(
        chain, reference, log, output=output, record=record, reading=reading,
        overwrite=overwrite or resume, full_paths=full_paths,
    )  # fmt: skip
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
