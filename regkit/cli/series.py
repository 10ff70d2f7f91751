"""`regkit series`: motion correction of a 4-D series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.options import (
    Debug,
    DryRun,
    FullPaths,
    Json,
    Overwrite,
    Quiet,
    Resume,
    Threads,
)
from regkit.cli.read_options import takes_read_options
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_WORDS = ("auto", "mean")


@takes_read_options(without=("frame", "channels"))
def series(
    image: Annotated[
        Path, typer.Argument(metavar="SERIES", help="Image of several frames, such as fMRI.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")],
    transform: Annotated[
        Literal["rigid", "affine", "deformable"] | None,
        typer.Option(help="Kind of transform of each frame (default: rigid)"),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="auto|mean|N",
            help="Reference: the frame most like all others, the mean of the aligned frames, or a "
            "frame from 0 (default: auto)",
        ),
    ] = None,
    similarity: Annotated[
        Literal["mi", "mse", "lncc", "lncc2"] | None,
        typer.Option(help="Similarity of frame and reference (default: mi, for any contrast)"),
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(
            metavar="LENGTH",
            help="Sphere of the framewise displacement (default: 50 mm for heads)",
        ),
    ] = None,
    bvec: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="FSL's gradient directions, to turn with the frames."),
    ] = None,
    bval: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="FSL's b-values, checked and copied with --bvec."),
    ] = None,
    reading: ReadOptions,
    threads: Threads = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    full_paths: FullPaths = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Correct the motion between the frames of SERIES, each interpolated once.

    Writes corrected.nii.gz, mean.nii.gz, tsnr.nii.gz, the motion as a BIDS table, the transforms of
    all frames, a report and run.json.

    Example: regkit series bold.nii.gz -o out

    Example: regkit series dwi.nii.gz -o out --bvec dwi.bvec --bval dwi.bval
    """
    from regkit.cli.job import carry_out
    from regkit.runs.series.job import make_series_job

    job = make_series_job(
        image,
        output,
        options={
            "transform": transform, "reference": _as_reference(reference),
            "similarity": similarity, "radius": radius, "threads": threads,
        },
        reading=reading,
        bvec=bvec,
        bval=bval,
        overwrite=overwrite or resume,
        full_paths=full_paths,
    )  # fmt: skip
    carry_out(job, resume=resume, dry_run=dry_run, as_json=as_json, quiet=quiet)


def _as_reference(word: str | None) -> str | int | None:
    if word is None or word in _WORDS:
        return word
    if not (word.isascii() and word.isdigit()):
        raise InputError(
            f"--reference {word!r:.40} is no reference; allowed: auto, mean, or the number of a "
            "frame from 0"
        )
    return int(word)
