"""`regkit convert`: an image from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet, Record, Resume
from regkit.cli.read_options import takes_read_options

if TYPE_CHECKING:
    from regkit.io import ReadOptions


@takes_read_options()
def convert(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image in any format.")],
    output: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="The file to write; its extension says the format."),
    ],
    *,
    labels: Annotated[
        bool, typer.Option("--labels", help="IMAGE is a label map: its values are whole numbers.")
    ] = False,
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
    """Write an image in another format, its values and its place in the world as they were.

    All frames and channels are kept unless --frame, --channel or --channels choose among them.

    Example: regkit convert head.mgz head.nii.gz
    """
    from regkit.cli.job import carry_out
    from regkit.runs.convert import ConvertJob

    job = ConvertJob(
        image, labels, output=output, record=record, reading=reading,
        overwrite=overwrite or resume, full_paths=full_paths,
    )  # fmt: skip
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)
