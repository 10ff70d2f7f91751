"""`regkit segment`: one structure, by a model that is told what to segment."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regkit.cli.option_group import takes
from regkit.cli.read_options import READING
from regkit.cli.running import RUNNING, Running

if TYPE_CHECKING:
    from regkit.io import ReadOptions

_PROMPTS = "Prompts"


@takes(READING, RUNNING.without("record"))
def segment(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image to segment.")],
    *,
    model: Annotated[
        str,
        typer.Option(metavar="NAME[=PATH]", help="Segmenter; `regkit study models` lists them."),
    ] = "prompt-unet",
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    probability: Annotated[
        Path | None, typer.Option(help="Write the probability of each voxel as well.")
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,Z",
            help="A place in the structure, RAS+; repeatable.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    outside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,Z",
            help="A place that is not in it; repeatable.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(
            help="CSV x,y,z,name of places, each named inside or outside.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,Z,X,Y,Z",
            help="Lower and upper corner of a box around it; repeatable.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="A rough mask or its probability.", rich_help_panel=_PROMPTS),
    ] = None,
    scribble: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV x,y,z,name of places along a line, all inside or all outside; repeatable.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    example: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another image that shows the structure; repeatable.", rich_help_panel=_PROMPTS
        ),
    ] = None,
    example_labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="Labels of the structure in each --example, in their order.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="An earlier result, to be refined.", rich_help_panel=_PROMPTS),
    ] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="A structure that the model knows; repeatable.",
            rich_help_panel=_PROMPTS,
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(help="Name of the structure, in words; repeatable.", rich_help_panel=_PROMPTS),
    ] = None,
    reading: ReadOptions,
    running: Running,
) -> None:
    """Segment one structure of IMAGE, which prompts tell a model.

    Places are in the world of the image, as `regkit info` shows it and viewers do: RAS+ mm. The
    result is a label map on the grid of IMAGE, with a JSON record beside it.

    Example: regkit segment t1.nii.gz --point 12,-4,30 -o caudate.nii.gz

    Example: regkit segment t1.nii.gz --mask rough.nii.gz --model prompt-unet-robust -o fine.nii.gz
    """
    from foundation.segmenters.job import AskedPrompts, SegmentJob
    from foundation.segmenters.prompt_files import PromptFiles

    prompts = AskedPrompts(
        inside=_places("--point", point), outside=_places("--outside", outside),
        boxes=_places("--box", box), classes=tuple(class_ or ()), text=tuple(text or ()),
    )  # fmt: skip
    files = PromptFiles(
        points, mask, previous, tuple(scribble or ()), _pairs(example, example_labels)
    )
    job = SegmentJob(
        image, model, output, prompts, files, probability, reading,
        overwrite=running.replaces, full_paths=running.full_paths,
    )  # fmt: skip
    running.carry_out(job)


def _pairs(images: list[Path] | None, labels: list[Path] | None) -> tuple[tuple[Path, Path], ...]:
    from regkit.errors import InputError

    given = images or [], labels or []
    if len(given[0]) != len(given[1]):
        raise InputError(
            f"{len(given[0])} --example and {len(given[1])} --example-labels; give one of each for "
            "every example"
        )
    return tuple(zip(*given, strict=True))


def _places(option: str, words: list[str] | None) -> tuple[tuple[float, ...], ...]:
    return tuple(_place(option, word) for word in words or ())


def _place(option: str, word: str) -> tuple[float, ...]:
    from math import isfinite

    from regkit.errors import InputError

    with suppress(ValueError):
        place = tuple(float(number) for number in word.split(","))
        if all(map(isfinite, place)):
            return place
    raise InputError(
        f"{option} {word!r:.60} is no place; write finite numbers between commas, such as "
        "12,-4,30.5"
    )
