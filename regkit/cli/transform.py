"""`regkit convert-transform` and `regkit transform`: transform files, from any program to any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.running import RUNNING, Running
from regkit.cli.transform_ends import ENDS, TransformEnds

if TYPE_CHECKING:
    from regkit.runs.transform import Verb

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


_verb = takes(ENDS, RUNNING)


@_verb
def convert_transform(
    source: Source,
    target: Target,
    *,
    ends: TransformEnds,
    invert: Annotated[
        bool, typer.Option("--invert", help="Write the inverse, moving to fixed.")
    ] = False,
    running: Running,
) -> None:
    """Convert a transform between ITK, ANTs, FSL, FreeSurfer, AFNI, NiftyReg, SPM and others.

    regkit takes every transform as a map of points of FIXED to points of MOVING, whichever way
    the file has it.

    Example: regkit convert-transform flirt.mat phi.h5 --from fsl --fixed ref.nii --moving in.nii
    """
    _carry_out([source], target, ends, running, invert=invert)


@app.command("compose", no_args_is_help=True)
@_verb
def compose_(sources: Sources, *, output: Output, ends: TransformEnds, running: Running) -> None:
    """Write several transforms as one; a point of fixed passes them in their order.

    That is the order of `-t` of antsApplyTransforms, and of the list of ANTsPy.

    Example: regkit transform compose warp.nii.gz affine.mat -o phi.h5
    """
    _carry_out(sources, output, ends, running)


@app.command("invert", no_args_is_help=True)
@_verb
def invert_(source: Source, *, output: Output, ends: TransformEnds, running: Running) -> None:
    """Write the inverse of a transform: points of moving to points of fixed.

    A matrix is inverted exactly, a field by a fixed-point solve that refuses what folds.

    Example: regkit transform invert phi.h5 -o back.h5
    """
    _carry_out([source], output, ends, running, invert=True)


@app.command("average", no_args_is_help=True)
@_verb
def average_(sources: Sources, *, output: Output, ends: TransformEnds, running: Running) -> None:
    """Write the mean of several affines, by their logarithms, or of displacements.

    Displacements are averaged on the grid of --fixed, an affine among them as one.

    Example: regkit transform average one.mat two.mat three.mat -o mean.tfm

    Example: regkit transform average one.h5 two.h5 --fixed atlas.nii.gz -o mean.h5
    """
    _carry_out(sources, output, ends, running, verb="average")


def _carry_out(
    sources: Sequence[Path],
    output: Path,
    ends: TransformEnds,
    running: Running,
    *,
    verb: Verb = "compose",
    invert: bool = False,
) -> None:
    from regkit.runs.transform import TransformJob

    job = TransformJob(
        tuple(sources), verb, invert, **asdict(ends), output=output, **running.for_file
    )
    running.carry_out(job)
