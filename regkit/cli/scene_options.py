"""SceneOptions: what `regkit register` can be told of two scenes on the earth alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from regkit.cli.option_group import group_of

_SCENES = "Scenes on the earth"


@dataclass(frozen=True)
class SceneOptions:
    """Options that have no effect on other images; each field is the option of that name."""

    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BAND|FILE",
            help="Clouds to leave out: a band such as SCL or QA_PIXEL, or a file. Repeat it for "
            "masks of both scenes.",
            rich_help_panel=_SCENES,
        ),
    ] = None
    keep_resolution: Annotated[
        bool,
        typer.Option(
            "--keep-resolution",
            help="Write MOVING in pixels of its own size.",
            rich_help_panel=_SCENES,
        ),
    ] = False
    shift_only: Annotated[
        bool,
        typer.Option(
            "--shift-only",
            help="Write a copy of MOVING with another geotransform; resample nothing.",
            rich_help_panel=_SCENES,
        ),
    ] = False
    stac: Annotated[
        str | None,
        typer.Option(
            metavar="auto|TIME",
            help="Write a STAC item too: MOVING was taken at TIME, such as 2015-09-23T08:10:29Z, "
            "or when its tags say (auto).",
            rich_help_panel=_SCENES,
        ),
    ] = None
    max_shift: Annotated[
        int | None,
        typer.Option(
            help="Pixels by which MOVING may be off (default: 50)", rich_help_panel=_SCENES
        ),
    ] = None
    window: Annotated[
        int | None,
        typer.Option(
            help="Pixels of the finest windows that are matched (default: by the similarity)",
            rich_help_panel=_SCENES,
        ),
    ] = None


SCENE_OPTIONS = group_of("scene", SceneOptions)
