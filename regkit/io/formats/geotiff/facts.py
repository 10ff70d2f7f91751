"""What a GeoTIFF says of its bands beside their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BandFacts:
    """What a GeoTIFF says of its bands beside their values.

    Parameters
    ----------
    numbers
        The bands that are values of a pixel, as GDAL counts them, from 1.
    names
        What they are called; empty where they have no name.
    nodata
        The value of pixels that are no data.
    alpha
        The band that is alpha, as GDAL counts it, or None.
    masked
        Whether the file says anywhere that a pixel is no data.
    by_value
        Whether the nodata value alone says so.
    tags, band_tags
        Words of the file, and of each band.
    scales
        Offset and scale of each band, which stay with the values as they are stored.
    units
        The unit of each band.
    colours
        The colour table of each band, by value; empty where there is none.
    roles
        The name of GDAL for what each band is shown as.
    overviews
        How many times coarser each level of the file is.
    """

    numbers: tuple[int, ...]
    names: tuple[str, ...]
    nodata: float | None = None
    alpha: int | None = None
    masked: bool = False
    by_value: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    band_tags: tuple[Mapping[str, str], ...] = ()
    scales: tuple[tuple[float, float], ...] = ()
    units: tuple[str, ...] = ()
    colours: tuple[Mapping[int, tuple[int, ...]], ...] = ()
    roles: tuple[str, ...] = ()
    overviews: tuple[int, ...] = ()


def dataset_facts(dataset: Any) -> BandFacts:
    """Collect what a dataset of rasterio says of its bands."""
    roles = [each.name for each in dataset.colorinterp]
    alpha = next((n for n, role in enumerate(roles, start=1) if role == "alpha"), None)
    numbers = tuple(n for n in dataset.indexes if n != alpha) or tuple(dataset.indexes)
    alpha = alpha if len(numbers) < dataset.count else None
    at = [n - 1 for n in numbers]
    flags = {flag.name for each in dataset.mask_flag_enums for flag in each}
    return BandFacts(
        numbers,
        tuple(dataset.descriptions[n] or "" for n in at),
        dataset.nodata,
        alpha,
        flags != {"all_valid"},
        flags == {"nodata"},
        dict(dataset.tags()),
        tuple(dict(dataset.tags(n)) for n in numbers),
        tuple((float(dataset.offsets[n]), float(dataset.scales[n])) for n in at),
        tuple(dataset.units[n] or "" for n in at),
        tuple(_colours(dataset, n) for n in numbers),
        tuple(roles[n] for n in at),
        _overviews(dataset),
    )


def _overviews(dataset: Any) -> tuple[int, ...]:
    return tuple(int(by) for by in dataset.overviews(1)) if dataset.count else ()


def _colours(dataset: Any, number: int) -> dict[int, tuple[int, ...]]:
    try:
        return {int(value): tuple(rgba) for value, rgba in dataset.colormap(number).items()}
    except ValueError:  # there is none
        return {}
