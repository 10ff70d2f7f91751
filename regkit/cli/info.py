"""`regkit info`: what regkit takes a file for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regkit.cli.options import (
    AllowShear,
    AssumeRas,
    Channel,
    Debug,
    Frame,
    Geometry,
    Json,
    MaxBytes,
    Nan,
)

if TYPE_CHECKING:
    from regkit.volume import Volume


def info(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image or a label map.")],
    geometry: Geometry = None,
    assume_ras: AssumeRas = False,
    allow_shear: AllowShear = False,
    frame: Frame = None,
    channel: Channel = None,
    nan: Nan = None,
    max_bytes: MaxBytes = 2**31,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show shape, spacing, orientation and intensities of IMAGE, as regkit reads them."""
    from regkit.io import Reading, open_image

    reading = Reading(geometry, assume_ras, allow_shear, frame, channel, nan, max_bytes)
    facts = describe(open_image(image, reading))
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        typer.echo(f"{name:<12}{_plain(value)}")


def describe(volume: Volume) -> dict[str, Any]:
    """Facts about a volume, as JSON can hold them; positions in its world, which is named.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from regkit import Grid, Volume
    >>> describe(Volume(torch.zeros(4, 5, 6), Grid((4, 5, 6), np.eye(4))))["orientation"]
    'RAS'
    """
    grid, data = volume.grid, volume.data.double()
    return {
        "file": volume.name,
        "shape": list(grid.shape),
        "channels": volume.channels,
        "spacing": [float(f"{s:.7g}") for s in grid.spacing],
        "unit": grid.world.unit,
        "world": str(grid.world),
        "orientation": grid.orientation,
        "centre": [float(f"{c:.7g}") for c in grid.centre],
        "type": str(volume.data.dtype).removeprefix("torch."),
        "lowest": float(data.min()),
        "highest": float(data.max()),
        "mean": float(data.mean()),
        "affine": grid.affine.tolist(),
    }


def _plain(value: Any) -> str:
    if not isinstance(value, list):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    parts = [_plain(part) for part in value]
    return "; ".join(parts) if value and isinstance(value[0], list) else " ".join(parts)
