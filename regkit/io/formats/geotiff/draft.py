"""A GeoTIFF that is being written: its head, and pixels in its type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.geometry import Grid
from regkit.io.formats.geotiff.facts import BandFacts
from regkit.io.formats.geotiff.place import corner_transform

# Read once more by GDAL's COG driver, and then gone: small enough, and quick.
_TILED: dict[str, Any] = {
    "driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "zstd",
    "zstd_level": 1, "interleave": "band", "bigtiff": "if_safer",
}  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """The head of a file that is being written."""

    grid: Grid
    dtype: str
    facts: BandFacts

    @property
    def profile(self) -> dict[str, Any]:
        """What rasterio makes the file of."""
        columns, rows = self.grid.shape
        count = len(self.facts.numbers) + (self.facts.alpha is not None)
        return {
            **_TILED,
            "width": columns, "height": rows, "count": count, "dtype": self.dtype,
            "crs": self.grid.world.crs, "transform": corner_transform(self.grid.affine),
            "nodata": self.facts.nodata,
        }  # fmt: skip

    def stored(self, values: NDArray[Any], known: NDArray[np.bool_] | None) -> NDArray[Any]:
        """Pixels in the type of the file, nodata where there are none.

        Parameters
        ----------
        values
            Of any shape and type.
        known
            Where they are data; None for everywhere.
        """
        dtype, nodata = np.dtype(self.dtype), self.facts.nodata
        if dtype.kind != "f":
            bounds = np.iinfo(dtype)
            values = np.clip(np.rint(values) if values.dtype.kind == "f" else values,
                             bounds.min, bounds.max)  # fmt: skip
        values = values.astype(dtype, copy=False)
        if nodata is not None and not np.isnan(nodata):
            values = _beside(values, dtype.type(nodata))
        if known is None:
            return values
        return np.where(known, values, dtype.type(0 if nodata is None else nodata))

    def alpha(self, known: NDArray[np.bool_]) -> NDArray[Any]:
        """The alpha band where there are data (opaque) and where there are none."""
        dtype = np.dtype(self.dtype)
        opaque = 1.0 if dtype.kind == "f" else np.iinfo(dtype).max
        return (known * opaque).astype(dtype)


def _beside(values: NDArray[Any], nodata: np.generic) -> NDArray[Any]:
    """Values none of which is that of no data, which interpolation may hit: the next one instead.

    GDAL's warper does the same.
    """
    same = values == nodata
    if not same.any():
        return values
    if values.dtype.kind == "f":
        return np.where(same, np.nextafter(nodata, np.inf, dtype=values.dtype), values)
    step = -1 if nodata == np.iinfo(values.dtype).max else 1
    return np.where(same, values.dtype.type(int(nodata) + step), values)


def describe_dataset(rasterio: Any, dataset: Any, facts: BandFacts) -> None:
    """Write all that a file says beside its values.

    Parameters
    ----------
    rasterio
        The module.
    dataset
        Open for writing.
    facts
        What is said.
    """
    dataset.update_tags(**facts.tags)
    for number, (name, *_) in enumerate(zip(facts.names, facts.numbers, strict=True), start=1):
        if name:
            dataset.set_band_description(number, name)
        _put(facts.band_tags, number, lambda tags, n: dataset.update_tags(n, **tags))
        _put(facts.units, number, lambda unit, n: dataset.set_band_unit(n, unit))
        _put(facts.colours, number, lambda table, n: dataset.write_colormap(n, dict(table)))
    if facts.scales and any(pair != (0.0, 1.0) for pair in facts.scales):
        more = [(0.0, 1.0)] * (dataset.count - len(facts.scales))
        dataset.offsets, dataset.scales = zip(*(*facts.scales, *more), strict=True)
    if facts.roles:
        roles = [*facts.roles, *(["alpha"] if facts.alpha is not None else [])]
        dataset.colorinterp = [rasterio.enums.ColorInterp[role] for role in roles]


def _put(values: Any, number: int, set_one: Any) -> None:
    if len(values) >= number and values[number - 1]:
        set_one(values[number - 1], number)
