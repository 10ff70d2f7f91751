"""GeoTIFF in: its header, and the pixels of windows of its bands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.format import Window
from regkit.io.formats.geotiff.beside import check_files_beside
from regkit.io.formats.geotiff.facts import BandFacts, dataset_facts
from regkit.io.formats.geotiff.place import dataset_affine, dataset_world
from regkit.io.formats.geotiff.session import open_geotiff
from regkit.io.header import Header
from regkit.io.header_checks import check_claim, check_dims, check_shear
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product

TYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"
)  # fmt: skip


def geotiff_header(path: Path, options: ReadOptions) -> Header:
    """Check the header of a GeoTIFF; see :func:`regkit.io.preflight.preflight`.

    Its axes are columns and rows; its world has the CRS, the axes easting and northing (longitude
    and latitude in degrees) and the unit of the CRS. Whether a value is meant of the area of a
    pixel or of a point, GDAL gives the corner of the pixel: its centre is half a pixel further.

    Raises
    ------
    InputError
        If it is cut, has no CRS or geotransform (but ground control points or RPCs), values that
        are no real numbers, or gaps that a file beside it tells of.
    """
    name = display_name(path)
    with open_geotiff(path, name) as dataset:
        world = dataset_world(name, dataset)
        affine = dataset_affine(name, dataset)
        shape = (int(dataset.width), int(dataset.height))
        check_dims(name, shape)
        facts, stored = dataset_facts(dataset), _stored(name, dataset)
    check_files_beside(path, name, facts.nodata)
    if not options.allow_shear:
        cure = "pass allow_shear=True to have it resampled on a grid at right angles"
        check_shear(name, affine, cure=cure, what="geotransform")
    claimed = product(shape) * len(facts.numbers) * np.dtype(stored).itemsize
    check_claim(name, claimed, claimed, compressed=False, max_bytes=options.max_bytes)
    grid = Grid(shape, affine, world)
    return Header(
        path,
        name,
        "GeoTIFF",
        grid,
        stored,
        channels=len(facts.numbers),
        channel_names=facts.names,
        coarser=tuple(grid.with_shape([-(-n // by) for n in shape]) for by in facts.overviews),
        source=facts,
        options=options,
        value_type=stored,
        in_parts=True,
    )


def read_geotiff(header: Header, window: Window, level: int) -> NDArray[Any]:
    """Read the pixels of one band.

    Parameters
    ----------
    header, window, level
        As of :attr:`regkit.io.format.Format.read`.

    Returns
    -------
    NDArray
        ``(*window)``, as stored; NaN and infinite ones, which are no data, are 0.

    Raises
    ------
    InputError
        If the file is cut or damaged.
    """
    with open_geotiff(header.path, header.name, level) as dataset:
        values = _numbers(header, dataset).read(_band(header), window=raster_window(window)).T
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, values.dtype.type(0))
    return np.ascontiguousarray(values)


def known_geotiff(
    header: Header, window: Window, level: int, values: NDArray[Any]
) -> NDArray[np.bool_] | None:
    """Tell where one band has data by its nodata value, alpha, mask and by NaN.

    Parameters
    ----------
    header
        As :func:`geotiff_header` returned it, with the band chosen.
    window, level
        As for :func:`read_geotiff`.
    values
        What that returned.

    Returns
    -------
    NDArray
        ``(*window)``; None for everywhere.

    Raises
    ------
    InputError
        If the file is cut or damaged.
    """
    facts: BandFacts = header.source
    real = np.dtype(header.value_type).kind == "f"
    if not (real or facts.masked):
        return None
    if facts.by_value and not real:  # what the file would be read for again
        found: NDArray[np.bool_] = values != facts.nodata
        return None if found.all() else found
    with open_geotiff(header.path, header.name, level) as dataset:
        part = {"window": raster_window(window)}
        known: NDArray[np.bool_] = dataset.read_masks(_band(header), **part).T > 0
        if real:
            known = known & np.isfinite(dataset.read(_band(header), **part)).T
    return None if known.all() else np.ascontiguousarray(known)


def _stored(name: str, dataset: Any) -> str:
    stored = str(dataset.dtypes[0])
    if stored not in TYPES:
        cure = ""
        if stored.startswith("complex"):
            cure = ". Give the magnitude of complex values, such as SAR in single look has"
        raise InputError(f"{name}: has values of type {stored}; allowed: {', '.join(TYPES)}{cure}")
    return stored


def _numbers(header: Header, dataset: Any) -> Any:
    """The dataset, if it still has the bands that the header told of."""
    if dataset.count < _band(header):
        raise InputError(f"{header.name}: has changed since its header was read; read it again")
    return dataset


def _band(header: Header) -> int:
    facts: BandFacts = header.source
    return facts.numbers[header.channel]


def raster_window(window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns as rasterio takes them."""
    columns, rows = window
    return (rows.start, rows.stop), (columns.start, columns.stop)
