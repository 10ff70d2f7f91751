"""The options by which a user says how files are read: one unit, which a command takes whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from regkit.cli.option_group import OptionGroup
from regkit.errors import InputError

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_READING = "Reading"


def _as_spacing(word: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in word.split(","))
    except ValueError as error:
        raise InputError(f"--spacing {word!r:.40} is not like 0.5,0.5,2") from error


def _as_channels(word: str) -> tuple[int | str, ...] | str:
    """Numbers and names, or a word that :class:`regkit.io.ReadOptions` knows."""
    if word in ("all", "luminance"):
        return word
    parts = [part.strip() for part in word.split(",")]
    if not all(parts):
        raise InputError(
            f"--channels {word!r:.40} is neither numbers like 1,3 nor names nor all nor luminance"
        )
    return tuple(int(part) if part.isascii() and part.isdigit() else part for part in parts)


# Each is a field of `regkit.io.ReadOptions`, which has these defaults.
_READ_OPTIONS: dict[str, tuple[Any, Any]] = {
    "geometry": (
        Annotated[
            Literal["sform", "qform"] | None,
            typer.Option(
                help="Which of a header's two orientations to believe where they disagree.",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
    "assume_ras": (
        Annotated[
            bool,
            typer.Option(
                "--assume-ras",
                help="Treat an image without an orientation as RAS.",
                rich_help_panel=_READING,
            ),
        ],
        False,
    ),
    "allow_shear": (
        Annotated[
            bool,
            typer.Option(
                "--allow-shear",
                help="Accept axes that are not at right angles; results are written on the nearest "
                "orthogonal grid.",
                rich_help_panel=_READING,
            ),
        ],
        False,
    ),
    "frame": (
        Annotated[
            int | None,
            typer.Option(
                help="Which volume of a 4-D file to use, counted from 0.", rich_help_panel=_READING
            ),
        ],
        None,
    ),
    "channel": (
        Annotated[
            int | None,
            typer.Option(
                help="Which channel to use where a voxel has several values, from 0.",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
    "channels": (
        Annotated[
            str | None,
            typer.Option(
                metavar="N,N|NAME|all|luminance",
                help="Channels to use together, counted from 0 or by name (bands of a scene); "
                "luminance: the grey of RGB.",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
    "nan": (
        Annotated[
            float | None,
            typer.Option(
                help="Value to put where voxels are not a number.", rich_help_panel=_READING
            ),
        ],
        None,
    ),
    "max_bytes": (
        Annotated[
            int,
            typer.Option(
                min=1,
                help="Largest size in bytes that the voxels of an image may have.",
                rich_help_panel=_READING,
            ),
        ],
        2**31,
    ),
    "spacing": (
        Annotated[
            str | None,
            typer.Option(
                metavar="X,Y[,Z]",
                help="Voxel size in mm of files that do not hold it (.npy, pictures).",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
    "series": (
        Annotated[
            str | None,
            typer.Option(
                metavar="N|UID",
                help="Which DICOM series of a folder that holds several: its number or its UID.",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
    "structures": (
        Annotated[
            str | None,
            typer.Option(
                metavar="NAME,NAME",
                help="Structures of a DICOM SEG or RTSTRUCT to take as labels 1, 2, ...; where two "
                "overlap, the later has the voxel.",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
    "threshold": (
        Annotated[
            float | None,
            typer.Option(
                metavar="SHARE",
                help="Share from which a voxel of a fractional DICOM SEG is part of a structure; "
                "without it the file is an image of shares.",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
    "padding": (
        Annotated[
            float | None,
            typer.Option(
                metavar="VALUE",
                help="Value of voxels that hold no data, such as -3024 around a CT.",
                rich_help_panel=_READING,
            ),
        ],
        None,
    ),
}


def _made(**chosen: Any) -> ReadOptions:
    from regkit.io import ReadOptions

    if chosen.get("spacing") is not None:
        chosen["spacing"] = _as_spacing(chosen["spacing"])
    if chosen.get("channels") is not None:
        chosen["channels"] = _as_channels(chosen["channels"])
    if chosen.get("structures") is not None:
        chosen["structures"] = tuple(s.strip() for s in chosen["structures"].split(","))
    return ReadOptions(**chosen)


READING = OptionGroup("reading", _READ_OPTIONS, _made)
