"""`regkit jacobian`: the local change of volume of a transform."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.options import Onto, Run
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running
from regkit.cli.transform_ends import ENDS, TransformEnds
from regkit.cli.transform_files import transform_files_and_grid

if TYPE_CHECKING:
    from regkit.io import ReadOptions


@takes(ENDS.without("fixed", "output_program"), READING, RUNNING)
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
    ends: TransformEnds,
    reading: ReadOptions,
    running: Running,
) -> None:
    """Write how much volume of moving each voxel of fixed covers: the Jacobian determinant.

    Above 1 moving is larger than fixed there, below 1 smaller; at 0 and below the transform folds.

    Example: regkit jacobian warp.h5 --onto fixed.nii.gz --log -o log_jacobian.nii.gz
    """
    from regkit.runs.jacobian import JacobianJob

    chain, reference = transform_files_and_grid(transforms or [], onto, run)
    job = JacobianJob(
        chain, reference, log, ends.moving, ends.program,
        output=output, reading=reading, **running.for_file,
    )  # fmt: skip
    running.carry_out(job)
