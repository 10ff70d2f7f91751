"""GeoTIFF out: Cloud-Optimised, with what the file of an image says beside its values."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, ResourceError, require
from regkit.geometry import Grid
from regkit.io.format import Band
from regkit.io.formats.geotiff.opened import (
    BandFacts,
    corner_transform,
    gdal,
    geotiff_header,
    open_geotiff,
    read_geotiff,
)
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.voxels import check_same, lost

_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32",
          "float64")  # fmt: skip
_HEADER = 1 << 16
_TILED: dict[str, Any] = {
    "driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate",
    "zlevel": 1, "bigtiff": "if_safer",
}  # fmt: skip
_CLOUD: dict[str, Any] = {
    "driver": "COG", "blocksize": 512, "compress": "deflate", "predictor": "yes",
    "bigtiff": "if_safer", "num_threads": "2",
}  # fmt: skip


@dataclass(frozen=True)
class _Draft:
    """The head of a file that is being written."""

    grid: Grid
    dtype: str
    facts: BandFacts

    @property
    def profile(self) -> dict[str, Any]:
        columns, rows = self.grid.shape
        count = len(self.facts.numbers) + (self.facts.alpha is not None)
        return {
            **_TILED,
            "width": columns, "height": rows, "count": count, "dtype": self.dtype,
            "crs": self.grid.world.crs, "transform": corner_transform(self.grid.affine),
            "nodata": self.facts.nodata,
        }  # fmt: skip


def fits_geotiff(name: str, grid: Grid, dtype: str | None) -> None:
    """Refuse an image that is not 2-D, or whose type GeoTIFF does not know.

    Parameters
    ----------
    name
        The file, for messages.
    grid
        Where the image lies.
    dtype
        The type of its pixels; None where it is not known yet.

    Raises
    ------
    InputError
        If so.
    """
    if grid.ndim != 2:
        raise InputError(f"{name}: GeoTIFF holds 2-D images, not {grid.ndim}-D ones")
    if dtype is not None and dtype not in _TYPES:
        raise InputError(f"{name}: GeoTIFF holds {', '.join(_TYPES)}, not {dtype}")


def write_geotiff(
    data: NDArray[Any], grid: Grid, path: Path, *, repetition: float | None = None
) -> None:
    """Write an image of one or several bands as a Cloud-Optimised GeoTIFF.

    Parameters
    ----------
    data
        ``(columns, rows)``, or ``(columns, rows, C)``.
    grid
        Where its pixels lie, in a world with a CRS.
    path
        The file.
    repetition
        Unused: a map has one frame.
    """
    bands = data[..., None] if data.ndim == grid.ndim else data
    write_bands([Band(bands[..., n]) for n in range(bands.shape[-1])], grid, path)


def write_bands(
    bands: Iterable[Band], grid: Grid, path: Path, like: Header | None = None
) -> Callable[[Path], None]:
    """Write bands as the file of another image has them: names, type, nodata, tags and colours.

    Where that has neither nodata nor alpha and the bands do not have data everywhere, pixels
    without data are NaN where the type is real, and else 0 under an internal mask.

    Parameters
    ----------
    bands
        As many as ``like`` has, on ``grid``; they are written one after the other.
    grid
        Where their pixels lie.
    path
        The file, a Cloud-Optimised GeoTIFF.
    like
        The header of a GeoTIFF; None where there is none, for bands in the type that they have.

    Returns
    -------
    Callable
        It raises a ResourceError for a path whose pixels are not those that were written.
    """
    if like is None:
        bands = list(bands)
        dtype, facts = _said(bands)
    else:
        dtype, facts = like.value_type, like.source
    if facts.nodata is None and facts.alpha is None and np.dtype(dtype).kind == "f":
        facts = replace(facts, nodata=float("nan"))
    return partial(_check_sums, _write(_Draft(grid, dtype, facts), bands, path), grid)


def _said(bands: Sequence[Band]) -> tuple[str, BandFacts]:
    """What bands say that no file is the model of."""
    count = len(bands)
    return bands[0].values.dtype.name, BandFacts(tuple(range(1, count + 1)), ("",) * count)


def _check_sums(sums: Sequence[int], grid: Grid, path: Path) -> None:
    with open_geotiff(path, display_name(path)) as dataset:
        found = [_sum(dataset.read(n)) for n in range(1, len(sums) + 1)]
        moved = np.abs(np.subtract(dataset.transform[:6], corner_transform(grid.affine))).max()
    if found != list(sums) or moved > 1e-3 * max(grid.spacing):
        raise lost(path)


def _sum(values: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(values).tobytes())


def verify_geotiff(data: NDArray[Any], grid: Grid, path: Path) -> None:
    """Compare a file of one band with the image that was written into it.

    Parameters
    ----------
    data
        ``(columns, rows)``.
    grid
        Where its pixels lie.
    path
        The file.

    Raises
    ------
    ResourceError
        If it differs: the disk lost something.
    """
    header = geotiff_header(path, ReadOptions(max_bytes=data.nbytes + _HEADER)).of(
        frame=None, channel=0
    )
    found = read_geotiff(header, tuple(slice(0, size) for size in header.grid.shape), 0)
    expected = np.where(np.isfinite(data), data, 0) if data.dtype.kind == "f" else data
    order = np.asarray(found.astype(data.dtype, copy=False), order="F")
    check_same(path, order, np.asarray(expected, order="F").astype(data.dtype), header.grid.affine,
               grid)  # fmt: skip


def moved_geotiff(source: Path, target: Path, grid: Grid) -> None:
    """Copy a GeoTIFF byte by byte, and give the copy another geotransform; no pixel changes.

    Parameters
    ----------
    source, target
        The file, and its copy.
    grid
        Where the pixels of the copy lie: in the CRS of the file, of the same shape.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    shutil.copyfile(source, target)
    with gdal() as rasterio, rasterio.open(str(target.absolute()), "r+", driver="GTiff") as dataset:
        dataset.transform = rasterio.Affine(*corner_transform(grid.affine))
    with open_geotiff(target, display_name(target)) as dataset:
        found = tuple(dataset.transform)[:6]
    if not np.allclose(found, corner_transform(grid.affine), rtol=1e-12, atol=1e-9):
        raise ResourceError(f"{target.name}: reads back with another geotransform; check the disk")


def _write(draft: _Draft, bands: Iterable[Band], path: Path) -> list[int]:
    """The bands go into a plain file beside the target, which GDAL's COG driver then copies.

    It returns a sum of the values of every band.
    """
    plain = path.with_name(f"{path.stem}.plain.tif")
    try:
        with gdal() as rasterio:
            known, sums = _fill(rasterio, plain, draft, bands)
            if known is not None and not known.all():
                with rasterio.open(plain, "r+", driver="GTiff") as dataset:
                    dataset.write_mask(known.T)
            smooth = "average" if not any(draft.facts.colours) else "nearest"
            shutil_of(rasterio).copy(str(plain), str(path), overview_resampling=smooth, **_CLOUD)
        return sums
    finally:
        plain.unlink(missing_ok=True)


def _fill(
    rasterio: Any, path: Path, draft: _Draft, bands: Iterable[Band]
) -> tuple[NDArray[np.bool_] | None, list[int]]:
    """Write all bands; return where any has data if the file cannot say so by a value, and sums."""
    facts = draft.facts
    known: NDArray[np.bool_] | None = None
    sums = list[int]()
    with rasterio.open(str(path.absolute()), "w", **draft.profile) as dataset:
        for number, band in enumerate(bands, start=1):
            raster = np.ascontiguousarray(_stored(band, draft).T)
            dataset.write(raster, number)
            sums.append(_sum(raster))
            if band.known is not None:
                known = band.known if known is None else known | band.known
        if facts.alpha is not None:
            _put_alpha(dataset, known, draft)
        _describe(rasterio, dataset, facts)
    return known if facts.nodata is None and facts.alpha is None else None, sums


def shutil_of(rasterio: Any) -> Any:
    """Return the module of rasterio that copies datasets, which is not imported with it."""
    return require(f"{rasterio.__name__}.shutil", extra="geo")


def _stored(band: Band, draft: _Draft) -> NDArray[Any]:
    """Pixels in the type of the file, nodata where there are none."""
    dtype, nodata = np.dtype(draft.dtype), draft.facts.nodata
    values = band.values
    if dtype.kind != "f":
        bounds = np.iinfo(dtype)
        values = np.clip(np.rint(values) if values.dtype.kind == "f" else values,
                         bounds.min, bounds.max)  # fmt: skip
    values = values.astype(dtype, copy=False)
    if nodata is not None and not np.isnan(nodata):
        values = _beside(values, dtype.type(nodata))
    if band.known is None:
        return values
    return np.where(band.known, values, dtype.type(0 if nodata is None else nodata))


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


def _put_alpha(dataset: Any, known: NDArray[np.bool_] | None, draft: _Draft) -> None:
    dtype = np.dtype(draft.dtype)
    opaque = 1.0 if dtype.kind == "f" else np.iinfo(dtype).max
    columns, rows = draft.grid.shape
    seen = np.ones((columns, rows), bool) if known is None else known
    dataset.write((seen * opaque).astype(dtype).T, dataset.count)


def _describe(rasterio: Any, dataset: Any, facts: BandFacts) -> None:
    """All that the file says beside its values."""
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
