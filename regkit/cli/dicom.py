"""`regkit dicom`: images from a PACS, and results back to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.option_group import group_of, takes
from regkit.cli.options import Debug, Overwrite, Quiet
from regkit.cli.running import RUNNING, Running
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.io.dicom_server import DicomServer

app = typer.Typer(
    no_args_is_help=True,
    help="Write results as DICOM; fetch and send series.",
    epilog="Example: regkit dicom export out study/ct study/mr -o for_pacs",
)


@app.command("export", no_args_is_help=True)
@takes(RUNNING.without("record", "resume"))
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
    running: Running,
) -> None:
    """Write a registration of two DICOM images as a series, a registration and segmentations.

    The warped image becomes a series in the study and the frame of reference of FIXED, the
    transform a Spatial Registration or a Deformable Spatial Registration, warped labels a SEG
    each. The files hold the name and identifiers of the patient; nothing is sent anywhere.

    Example: regkit dicom export out study/ct study/mr -o for_pacs
    """
    from regkit.runs.dicom_export import make_dicom_export

    job = make_dicom_export(
        run, fixed, moving, output, overwrite=running.overwrite, full_paths=running.full_paths
    )
    running.carry_out(job)


_Address = Annotated[
    str,
    typer.Argument(
        metavar="SERVER",
        help="DICOMweb server, such as http://127.0.0.1:8042/dicom-web; or the host of an archive, "
        "with --port and --aet.",
    ),
]


@dataclass(frozen=True)
class ServerOptions:
    """How a server is spoken to; each field is the option of that name."""

    user: Annotated[
        str | None,
        typer.Option(help="Who asks; the password is read from REGKIT_DICOMWEB_PASSWORD."),
    ] = None
    port: Annotated[
        int | None,
        typer.Option(help="Port of an archive that speaks DIMSE (C-FIND, C-GET, C-STORE)."),
    ] = None
    aet: Annotated[str | None, typer.Option(help="AE title of that archive.")] = None
    own_aet: Annotated[str, typer.Option(help="AE title that regkit gives itself.")] = "REGKIT"

    def server(self, address: str) -> DicomServer:
        """The server at an address.

        Raises
        ------
        InputError
            If the options do not go together.
        """
        from regkit.io.dicomweb import DicomWeb
        from regkit.io.dimse import DicomArchive

        if self.port is None and self.aet is None:
            return DicomWeb(address, self.user)
        if self.port is None or self.aet is None or self.user is not None or "/" in address:
            raise InputError(
                "an archive that speaks DIMSE has a host, --port and --aet, and no --user; a "
                "DICOMweb server has an address such as https://pacs:8042/dicom-web alone"
            )
        return DicomArchive(address, self.port, self.aet, self.own_aet)


_with_server_options = takes(group_of("options", ServerOptions))


@app.command("pull", no_args_is_help=True)
@_with_server_options
def pull(
    address: _Address,
    series: Annotated[str, typer.Argument(metavar="UID", help="SeriesInstanceUID of the series.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the DICOM files.")],
    *,
    options: ServerOptions,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fetch a series from a DICOMweb server or an archive.

    All of its images appear in the folder, or none. Only the server that is named is asked.

    Example: regkit dicom pull http://127.0.0.1:8042/dicom-web 1.2.840.113619.2.55 -o ct

    Example: regkit dicom pull 127.0.0.1 1.2.840.113619.2.55 --port 4242 --aet ARCHIVE -o ct
    """
    from regkit.cli.terminal import say
    from regkit.io import publish

    server = options.server(address)
    study, images = server.instances(series)
    names = [f"image_{number:05}.dcm" for number in range(1, len(images) + 1)]
    with publish(output, overwrite=overwrite, last=names[-1], names=names[:-1]) as staging:
        fetched = server.fetched(study, series, images)
        for name, content in zip(names, fetched, strict=True):
            (staging / name).write_bytes(content)
    say(f"done    {len(images)} images", quiet=quiet)
    typer.echo(str(output))


@app.command("push", no_args_is_help=True)
@_with_server_options
def push(
    address: _Address,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="DICOM files, or folders of them.")
    ],
    *,
    options: ServerOptions,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Store DICOM files on a DICOMweb server or in an archive.

    Only the server that is named is spoken to. What it has taken when one fails stays there.

    Example: regkit dicom push http://127.0.0.1:8042/dicom-web for_pacs

    Example: regkit dicom push 127.0.0.1 for_pacs --port 4242 --aet ARCHIVE
    """
    from regkit.cli.terminal import say
    from regkit.io.formats.dicom.files import listed_files

    server, paths = options.server(address), listed_files(files)
    server.store(paths)
    say(f"done    {len(paths)} files stored", quiet=quiet)
