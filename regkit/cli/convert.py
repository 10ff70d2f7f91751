"""`regkit convert`: an image from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running

if TYPE_CHECKING:
    from regkit.io import ReadOptions


@takes(READING, RUNNING)
def convert(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image in any format.")],
    output: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="The file to write; its extension says the format."),
    ],
    *,
    labels: Annotated[
        bool | None,
        typer.Option(
            help="Whether IMAGE is a label map, whose values are whole numbers (default: it is "
            "not; one that looks like labels is not resampled)",
        ),
    ] = None,
    reading: ReadOptions,
    running: Running,
) -> None:
    """Write an image in another format, its values and its place in the world as they were.

    All frames and channels are kept unless --frame, --channel or --channels choose among them.

    Example: regkit convert head.mgz head.nii.gz
    """
    from regkit.runs.convert import ConvertJob

    job = ConvertJob(
        image,
        labels,
        output=output,
        reading=reading,
        **running.for_file,
    )
    running.carry_out(job)
