"""`regkit series`: motion correction of a 4-D series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regkit.cli.option_group import takes
from regkit.cli.options import Threads
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_WORDS = ("auto", "mean")


@takes(READING.without("frame", "channels"), RUNNING.without("record"))
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
    running: Running,
) -> None:
    """Correct the motion between the frames of SERIES, each interpolated once.

    Writes corrected.nii.gz, mean.nii.gz, tsnr.nii.gz, the motion as a BIDS table, the transforms of
    all frames, a report and run.json.

    Example: regkit series bold.nii.gz -o out

    Example: regkit series dwi.nii.gz -o out --bvec dwi.bvec --bval dwi.bval
    """
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
        overwrite=running.replaces,
        full_paths=running.full_paths,
    )  # fmt: skip
    running.carry_out(job)


def _as_reference(word: str | None) -> str | int | None:
    if word is None or word in _WORDS:
        return word
    if not (word.isascii() and word.isdigit()):
        raise InputError(
            f"--reference {word!r:.40} is no reference; allowed: auto, mean, or the number of a "
            "frame from 0"
        )
    return int(word)
