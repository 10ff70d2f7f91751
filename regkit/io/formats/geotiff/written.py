"""GeoTIFF out: Cloud-Optimised, with what the file of an image says beside its values."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.io.format import Band, Window
from regkit.io.formats.geotiff.draft import Draft, describe_dataset
from regkit.io.formats.geotiff.facts import BandFacts
from regkit.io.formats.geotiff.opened import TYPES, geotiff_header, raster_window, read_geotiff
from regkit.io.formats.geotiff.place import corner_transform
from regkit.io.formats.geotiff.session import EXTRA, gdal, open_geotiff
from regkit.io.header import Header
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.voxels import check_same, read_back_error

_HEADER = 1 << 16
_STRIP = 1 << 23  # pixels that are held at once
_BLOCK = 512
_CLOUD: dict[str, Any] = {
    "driver": "COG", "blocksize": _BLOCK, "compress": "deflate", "level": 1, "predictor": "yes",
    "bigtiff": "if_safer", "num_threads": "2",
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
    if dtype is not None and dtype not in TYPES:
        raise InputError(f"{name}: GeoTIFF holds {', '.join(TYPES)}, not {dtype}")


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
    path, repetition
        As of :class:`regkit.io.format.Write`; there is one frame.
    """
    bands = data[..., None] if data.ndim == grid.ndim else data
    write_bands([Band.of(bands[..., n]) for n in range(bands.shape[-1])], grid, path)


def write_bands(
    bands: Iterable[Band], grid: Grid, path: Path, like: Header | None = None
) -> Callable[[Path], None]:
    """Write bands as the file of another image has them: names, type, nodata, tags and colours.

    Where that has neither nodata nor alpha and the bands do not have data everywhere, pixels
    without data are NaN where the type is real, and else 0 under an internal mask.

    Parameters
    ----------
    bands
        As many as ``like`` has, on ``grid``; they are asked for part by part.
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
    bands = list(bands)
    if like is None:
        dtype, facts = _said(bands)
    else:
        dtype, facts = like.value_type, like.source
    if facts.nodata is None and facts.alpha is None and np.dtype(dtype).kind == "f":
        facts = replace(facts, nodata=float("nan"))
    return partial(_check_sums, _write(Draft(grid, dtype, facts), bands, path), grid)


def _said(bands: Sequence[Band]) -> tuple[str, BandFacts]:
    """What bands say that no file is the model of."""
    count = len(bands)
    return bands[0].dtype, BandFacts(tuple(range(1, count + 1)), ("",) * count)


def _strips(grid: Grid) -> Iterator[Window]:
    """Ranges of whole rows, as many blocks of the file high as memory allows."""
    columns, rows = grid.shape
    tall = max(1, _STRIP // (columns * _BLOCK)) * _BLOCK
    for top in range(0, rows, tall):
        yield slice(0, columns), slice(top, min(top + tall, rows))


def _check_sums(sums: Sequence[int], grid: Grid, path: Path) -> None:
    with open_geotiff(path, display_name(path)) as dataset:
        count = len(sums) // len(list(_strips(grid)))
        found = [
            _sum(dataset.read(n, window=raster_window(window)))
            for window in _strips(grid)
            for n in range(1, count + 1)
        ]
        moved = np.abs(np.subtract(dataset.transform[:6], corner_transform(grid.affine))).max()
    if found != list(sums) or moved > 1e-3 * max(grid.spacing):
        raise read_back_error(path)


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


def _write(draft: Draft, bands: Sequence[Band], path: Path) -> list[int]:
    """The bands go into a plain file beside the target, which GDAL's COG driver then copies.

    It returns a sum of the values of every band in every strip.
    """
    plain = path.with_name(f"{path.stem}.plain.tif")
    try:
        with gdal() as rasterio:
            with rasterio.open(str(plain.absolute()), "w", **draft.profile) as dataset:
                filled = _fill(dataset, draft, bands)
                describe_dataset(rasterio, dataset, draft.facts)
            if not all(filled.complete) and draft.facts.nodata is draft.facts.alpha is None:
                _write_mask(rasterio, plain, draft.grid, filled)
            whole = any(draft.facts.colours) or any(band.classes for band in bands)
            way = "nearest" if whole else "average"
            shutil_of(rasterio).copy(str(plain), str(path), overview_resampling=way, **_CLOUD)
        return filled.sums
    finally:
        plain.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Filled:
    """Sums of what was written; for each strip, whether all of it is data, and what is (bits)."""

    sums: list[int]
    complete: list[bool]
    known: list[NDArray[np.uint8]]


def _fill(dataset: Any, draft: Draft, bands: Sequence[Band]) -> _Filled:
    """Write all bands strip by strip; a pixel is known where any band has data."""
    filled = _Filled([], [], [])
    for window in _strips(draft.grid):
        known = np.zeros([s.stop - s.start for s in window], bool)
        place = raster_window(window)
        for number, band in enumerate(bands, start=1):
            values, here = band.part(window)
            raster = np.ascontiguousarray(draft.stored(values, here).T)
            dataset.write(raster, number, window=place)
            filled.sums.append(_sum(raster))
            known |= True if here is None else here
        if draft.facts.alpha is not None:
            dataset.write(draft.alpha(known).T, dataset.count, window=place)
        filled.complete.append(bool(known.all()))
        filled.known.append(np.packbits(known))
    return filled


def _write_mask(rasterio: Any, path: Path, grid: Grid, filled: _Filled) -> None:
    with rasterio.open(str(path.absolute()), "r+", driver="GTiff") as dataset:
        for window, bits in zip(_strips(grid), filled.known, strict=True):
            shape = [s.stop - s.start for s in window]
            known = np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
            dataset.write_mask(known.T, window=raster_window(window))


def shutil_of(rasterio: Any) -> Any:
    """Return the module of rasterio that copies datasets, which is not imported with it."""
    return require(f"{rasterio.__name__}.shutil", extra=EXTRA)
