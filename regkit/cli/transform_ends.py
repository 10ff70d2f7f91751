"""TransformEnds: options for the images and programs that transform files go between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.option_group import group_of


@dataclass(frozen=True)
class TransformEnds:
    """The images that a transform connects, and the programs that it goes between."""

    fixed: Annotated[
        Path | None,
        typer.Option(help="Image whose points the transform takes: reference, target, base, dst."),
    ] = None
    moving: Annotated[
        Path | None,
        typer.Option(help="Image to whose points it leads: floating, source, src, -in of FLIRT."),
    ] = None
    program: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PROGRAM",
            help="Program that wrote the transform, where that is not clear: fsl, greedy, spm ...",
        ),
    ] = None
    output_program: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="PROGRAM",
            help="Program that is to read OUT, where that is not clear.",
        ),
    ] = None


ENDS = group_of("ends", TransformEnds)
