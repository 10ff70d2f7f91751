"""`regkit dicom`: images from a PACS, and results back to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Debug, DryRun, FullPaths, Json, Overwrite, Quiet

app = typer.Typer(
    no_args_is_help=True,
    help="Write results as DICOM; fetch and send series.",
    epilog="Example: regkit dicom export out study/ct study/mr -o for_pacs",
)


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


_Server = Annotated[
    str,
    typer.Argument(metavar="URL", help="DICOMweb server, such as http://127.0.0.1:8042/dicom-web."),
]
_User = Annotated[
    str | None,
    typer.Option(help="Who asks; the password is read from REGKIT_DICOMWEB_PASSWORD."),
]


@app.command("pull", no_args_is_help=True)
def pull(
    url: _Server,
    series: Annotated[str, typer.Argument(metavar="UID", help="SeriesInstanceUID of the series.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the DICOM files.")],
    *,
    user: _User = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fetch a series from a DICOMweb server.

    All of its images appear in the folder, or none. Only the server that is named is asked.

    Example: regkit dicom pull http://127.0.0.1:8042/dicom-web 1.2.840.113619.2.55 -o ct
    """
    from regkit.cli.terminal import say
    from regkit.io import publish
    from regkit.io.dicomweb import DicomWeb

    server = DicomWeb(url, user)
    study, images = server.instances(series)
    names = [f"image_{number:05}.dcm" for number in range(1, len(images) + 1)]
    with publish(output, overwrite=overwrite, last=names[-1], names=names[:-1]) as staging:
        for name, image in zip(names, images, strict=True):
            (staging / name).write_bytes(server.fetch(study, series, image))
    say(f"done    {len(images)} images", quiet=quiet)
    typer.echo(str(output))


@app.command("push", no_args_is_help=True)
def push(
    url: _Server,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="DICOM files, or folders of them.")
    ],
    *,
    user: _User = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Store DICOM files on a DICOMweb server.

    Only the server that is named is spoken to. What it has taken when one fails stays there.

    Example: regkit dicom push http://127.0.0.1:8042/dicom-web for_pacs
    """
    from regkit.cli.terminal import say
    from regkit.io.dicomweb import DicomWeb
    from regkit.io.formats.dicom.files import listed_files

    server, paths = DicomWeb(url, user), listed_files(files)
    for path in paths:
        server.send(path)
    say(f"done    {len(paths)} files stored", quiet=quiet)
