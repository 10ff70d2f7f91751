"""`regkit features`: which backbones there are, and which of their layers to take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Backbones for --similarity features:NAME.")


@app.command("list")
def list_() -> None:
    """Show the names that features:NAME can have."""
    from regkit.registration.backbones import backbones

    for name in backbones():
        typer.echo(name)


@app.command()
def sweep(
    backbone: Annotated[str, typer.Argument(metavar="NAME[=PATH]", help="As in features:NAME.")],
    fixed: Annotated[Path, typer.Argument(metavar="FIXED", help="An image.")],
    moving: Annotated[
        Path | None,
        typer.Argument(metavar="MOVING", help="Another contrast on its grid (default: FIXED)"),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for sweep.html and sweep.csv")
    ] = Path("sweep"),
    layers: Annotated[str, typer.Option(help="Names, with commas (default: every block)")] = "",
    timesteps: Annotated[
        str, typer.Option(help="Numbers, with commas; '-' for a network that has none")
    ] = "0,25,50,100,200",
    slice_: Annotated[
        int | None, typer.Option("--slice", help="Of a volume, along its last axis")
    ] = None,
    places: Annotated[int, typer.Option(min=1, help="How many places are matched.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the bend, the places and the noise.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Bend MOVING by a known displacement and match it with FIXED by every layer and timestep.

    The folder holds a heat map of the errors and their table.
    """
    import torch

    from foundation.features.heatmap import page, table
    from foundation.features.known_pair import known_pair
    from foundation.features.sweep import stages
    from foundation.features.sweep import sweep as swept
    from regkit import read
    from regkit.io.publish import publish
    from regkit.registration.backbones import open_extractor
    from regkit.registration.config import FeatureConfig

    extractor = open_extractor(backbone, FeatureConfig(layers=_words(layers)))
    wanted = _words(layers) or tuple(stages(extractor))
    generator = torch.Generator().manual_seed(seed)
    image = read(fixed).load()
    other = image if moving is None else read(moving).load()
    pair = known_pair(image, other, slice_, places, generator)
    cells = swept(extractor, pair, wanted, _times(timesteps), generator)
    with publish(output, overwrite=overwrite, last="sweep.html") as folder:
        (folder / "sweep.csv").write_text(table(cells), encoding="utf-8")
        (folder / "sweep.html").write_text(page(f"{backbone} on {fixed.name}", cells), "utf-8")
    best = min(cells, key=lambda cell: cell.error)
    typer.echo(
        f"{output / 'sweep.html'}: best {best.layer} at {best.timestep}, {best.error:.2f} pixels"
    )


def _words(text: str) -> tuple[str, ...] | None:
    return tuple(word.strip() for word in text.split(",") if word.strip()) or None


def _times(text: str) -> list[int | None]:
    from regkit.errors import InputError

    found: list[int | None] = []
    for word in _words(text) or ("-",):
        if word != "-" and not word.isdigit():
            raise InputError(f"--timesteps: {word!r} is no number from 0; write 0,50,100 or '-'")
        found.append(None if word == "-" else int(word))
    return found
