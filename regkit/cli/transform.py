"""`regkit convert-transform` and `regkit transform`: transform files, from any program to any."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet, Record, Resume

app = typer.Typer(
    no_args_is_help=True,
    help="Compose, invert and average transform files.",
    epilog="Example: regkit transform invert phi.h5 -o back.h5",
)

Source = Annotated[
    Path,
    typer.Argument(
        metavar="IN",
        help="Transform file of any program; '[FILE,1]' is its inverse, as ANTs writes it.",
    ),
]
Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="IN...",
        help="Transform files; '[FILE,1]' is an inverse, as ANTs writes it.",
    ),
]
Target = Annotated[
    Path, typer.Argument(metavar="OUT", help="The file to write; its extension says the format.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="The file to write; its extension says the format.")
]
Fixed = Annotated[
    Path | None,
    typer.Option(help="Image whose points the transform takes: reference, target, base, dst."),
]
Moving = Annotated[
    Path | None,
    typer.Option(help="Image to whose points it leads: floating, source, src, -in of FLIRT."),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PROGRAM",
        help="Program that wrote IN, where that is not clear: fsl, greedy, niftyreg, spm ...",
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="PROGRAM", help="Program that is to read OUT, where that is not clear."
    ),
]


def convert_transform(
    source: Source,
    target: Target,
    *,
    fixed: Fixed = None,
    moving: Moving = None,
    program: From = None,
    output_program: To = None,
    invert: Annotated[
        bool, typer.Option("--invert", help="Write the inverse, moving to fixed.")
    ] = False,
    record: Record = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Convert a transform between ITK, ANTs, FSL, FreeSurfer, AFNI, NiftyReg, SPM and others.

    regkit takes every transform as a map of points of FIXED to points of MOVING, whichever way
    the file has it.

    Example: regkit convert-transform flirt.mat phi.h5 --from fsl --fixed ref.nii --moving in.nii
    """
    _carry_out(
        (source,), target, invert=invert, fixed=fixed, moving=moving, program=program,
        output_program=output_program, record=record, overwrite=overwrite, full_paths=full_paths,
        resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet,
    )  # fmt: skip


@app.command("compose", no_args_is_help=True)
def compose_(
    sources: Sources,
    *,
    output: Output,
    fixed: Fixed = None,
    moving: Moving = None,
    program: From = None,
    output_program: To = None,
    record: Record = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write several transforms as one; a point of fixed passes them in their order.

    That is the order of `-t` of antsApplyTransforms, and of the list of ANTsPy.

    Example: regkit transform compose warp.nii.gz affine.mat -o phi.h5
    """
    _carry_out(
        tuple(sources), output, fixed=fixed, moving=moving, program=program,
        output_program=output_program, record=record, overwrite=overwrite, full_paths=full_paths,
        resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet,
    )  # fmt: skip


@app.command("invert", no_args_is_help=True)
def invert_(
    source: Source,
    *,
    output: Output,
    fixed: Fixed = None,
    moving: Moving = None,
    program: From = None,
    output_program: To = None,
    record: Record = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the inverse of a transform: points of moving to points of fixed.

    A matrix is inverted exactly, a field by a fixed-point solve that refuses what folds.

    Example: regkit transform invert phi.h5 -o back.h5
    """
    convert_transform(
        source, output, fixed=fixed, moving=moving, program=program,
        output_program=output_program, invert=True, record=record, overwrite=overwrite,
        resume=resume, full_paths=full_paths, dry_run=dry_run, as_json=as_json, quiet=quiet,
    )  # fmt: skip


@app.command("average", no_args_is_help=True)
def average_(
    sources: Sources,
    *,
    output: Output,
    fixed: Fixed = None,
    moving: Moving = None,
    program: From = None,
    output_program: To = None,
    record: Record = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write the mean of several affines, by their logarithms, or of displacements.

    Displacements are averaged on the grid of --fixed, an affine among them as one.

    Example: regkit transform average one.mat two.mat three.mat -o mean.tfm

    Example: regkit transform average one.h5 two.h5 --fixed atlas.nii.gz -o mean.h5
    """
    _carry_out(
        tuple(sources), output, verb="average", fixed=fixed, moving=moving, program=program,
        output_program=output_program, record=record, overwrite=overwrite, full_paths=full_paths,
        resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet,
    )  # fmt: skip


def _carry_out(
    sources: tuple[Path, ...], output: Path, *, overwrite: bool, resume: bool, dry_run: bool,
    as_json: bool, quiet: bool, **others: Any,
) -> None:  # fmt: skip
    from regkit.cli.job import carry_out
    from regkit.runs.transform import TransformJob

    job = TransformJob(sources, output, overwrite=overwrite or resume, **others)
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
