"""`regkit template`: the unbiased mean of a group of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.running import RUNNING, Running

_WHERE = "Where it runs"


@takes(RUNNING.without("record"))
def template(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...", help="Images; or one folder of them, or one table of column image."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for all results.")] = Path(
        "template"
    ),
    iterations: Annotated[
        int | None, typer.Option(help="Largest number of iterations (default: 4).")
    ] = None,
    voxel: Annotated[
        float | None,
        typer.Option(
            metavar="LENGTH",
            help="Side of the template's voxels (default: the mean of the images').",
        ),
    ] = None,
    sharpening: Annotated[
        float | None,
        typer.Option(help="Detail added in each iteration; 0 adds none (default: 0.5)."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Option of the registrations, as preset=fast; repeatable."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with options of the registrations.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Number of processes (default: as many as fit).", rich_help_panel=_WHERE),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads of each process (default: 1); other numbers change the last bits.",
            rich_help_panel=_WHERE,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT", help="Run on this Dask scheduler.", rich_help_panel=_WHERE
        ),
    ] = None,
    *,
    running: Running,
) -> None:
    """Build a template: the mean of IMAGES in their mean shape, biased to none of them.

    Writes template.nii.gz, the transforms of every image, a report and run.json.

    Example: regkit template one.nii.gz two.nii.gz three.nii.gz -o out
    """
    from regkit.cli.cohort import row_options
    from regkit.cohort.register import REGISTER_ROWS
    from regkit.cohort.start import Workplace
    from regkit.cohort.template.images import named_images
    from regkit.cohort.template.job import make_template_job

    job = make_template_job(
        named_images(images),
        output,
        options=row_options(REGISTER_ROWS, option or (), config),
        settings={"iterations": iterations, "voxel": voxel, "sharpening": sharpening},
        place=Workplace(
            scheduler=scheduler, workers=workers, threads=1 if threads is None else threads
        ),
        overwrite=running.overwrite,
        full_paths=running.full_paths,
    )
    running.carry_out(job)
