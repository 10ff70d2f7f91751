"""`regkit info`: what regkit takes a file for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regkit.cli.option_group import takes
from regkit.cli.options import (
    Debug,
    Json,
)
from regkit.cli.read_options import READING
from regkit.errors import InputError

_COLUMNS = (
    "series", "description", "modality", "shape", "spacing", "frames", "time", "uid", "problem"
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from regkit.io import ReadOptions
    from regkit.io.header import Header
    from regkit.volume import Volume


@takes(READING)
def info(
    image: Annotated[
        Path,
        typer.Argument(metavar="IMAGE", help="An image, a label map, or a folder of DICOM files."),
    ],
    *,
    reading: ReadOptions,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show shape, spacing, orientation and intensities of IMAGE, as regkit reads them.

    Intensities are those of all frames and channels unless --frame or --channel choose one. Of a
    DICOM folder that holds several series a list is shown unless --series chooses one.

    Example: regkit info brain.nii.gz
    """
    from regkit.io import contents_of, read_header

    found = contents_of(image, reading)
    if len(found) > 1 and reading.series is None:
        typer.echo(json.dumps(found, indent=2) if as_json else _table(found))
        return
    header = read_header(image, reading)
    facts = describe_file(header, parts(header, reading))
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        typer.echo(f"{name + ' ':<12}{_plain(value)}")


def parts(header: Header, reading: ReadOptions) -> Iterator[Volume]:
    """All frames of all channels, or of the ones that are asked for."""
    from regkit.io import open_frames

    if reading.channel is not None or reading.channels is not None:
        yield from open_frames(header, reading)
        return
    for channel in range(header.channels):
        yield from open_frames(header, replace(reading, channel=channel))


def describe_file(header: Header, volumes: Iterable[Volume]) -> dict[str, Any]:
    """Facts about an image, as JSON can hold them; positions in its world, which is named.

    Parameters
    ----------
    header
        What was found out about the file.
    volumes
        Its frames and channels, over which intensities are gathered; those without data have none.

    Raises
    ------
    InputError
        If none of them has data.
    """
    grid = header.grid
    each = [(float(d.min()), float(d.max()), float(d.double().mean()), d.dtype)
            for d in map(_values, volumes) if d is not None]  # fmt: skip
    if not each:
        raise InputError(f"{header.name}: no voxel has data; all are padding or NaN")
    lowest, highest, means, types = zip(*each, strict=True)
    return {
        "file": header.name,
        "format": header.format,
        **header.about,
        "shape": list(grid.shape),
        "frames": header.frames,
        "channels": header.channels,
        **({"channel_names": list(header.channel_names)} if any(header.channel_names) else {}),
        "spacing": [float(f"{s:.7g}") for s in grid.spacing],
        "unit": grid.world.unit,
        "world": str(grid.world),
        "orientation": grid.orientation,
        "centre": [float(f"{c:.7g}") for c in grid.centre],
        "type": str(types[0]).removeprefix("torch."),
        "lowest": min(lowest),
        "highest": max(highest),
        "mean": sum(means) / len(means),
        "affine": grid.affine.tolist(),
    }


def _values(volume: Volume) -> Tensor | None:
    """The values of voxels with data; None where there are none."""
    empty = volume.valid is not None and not bool(volume.valid.any())
    return None if empty else volume.data_values()


def _table(rows: list[dict[str, Any]]) -> str:
    """One line an image: the columns that people choose by, and what is wrong with it."""
    lines = [_COLUMNS, *([_cell(row, name) for name in _COLUMNS] for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(_COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(row: dict[str, Any], name: str) -> str:
    value = row.get(name, "")
    separator = "x" if name in ("shape", "spacing") else ""
    text = separator.join(f"{v:.4g}" for v in value) if isinstance(value, list) else str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _plain(value: Any) -> str:
    if not isinstance(value, list):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    parts = [_plain(part) for part in value]
    return "; ".join(parts) if value and isinstance(value[0], list) else " ".join(parts)
