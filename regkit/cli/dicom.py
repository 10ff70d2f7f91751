"""`regkit dicom`: results back to where images came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet

app = typer.Typer(no_args_is_help=True, help="Write results as DICOM.")


@app.callback()
def _front() -> None:
    """Write results as DICOM."""


@app.command("export", no_args_is_help=True)
def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder that `regkit register` wrote.")
    ],
    fixed: Annotated[
        Path, typer.Argument(metavar="FIXED", help="The fixed DICOM image, as it was given then.")
    ],
    moving: Annotated[
        Path, typer.Argument(metavar="MOVING", help="The moving DICOM image, as it was given then.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the DICOM files.")],
    *,
    overwrite: Overwrite = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a registration of two DICOM images as a series, a registration and segmentations.

    The warped image becomes a series in the study and the frame of reference of FIXED, the
    transform a Spatial Registration or a Deformable Spatial Registration, warped labels a SEG
    each. The files hold the name and identifiers of the patient; nothing is sent anywhere.

    Example: regkit dicom export out study/ct study/mr -o for_pacs
    """
    from regkit.cli.job import carry_out
    from regkit.runs.dicom_export import make_dicom_export

    job = make_dicom_export(run, fixed, moving, output, overwrite=overwrite, full_paths=full_paths)
    carry_out(job, dry_run=dry_run, as_json=as_json, quiet=quiet)
