"""GeoTIFF in: its place, its bands and where it has data, with GDAL kept on a short lead."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regkit.errors import InputError, require
from regkit.geometry import Grid, World
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.format import Window
from regkit.io.header import Header
from regkit.io.header_checks import check_claim, check_dims, check_shear
from regkit.io.names import display_name
from regkit.io.options import ReadOptions
from regkit.io.sizes import product

EXTRA = "geo"
# GDAL would take 5 % of the memory of the machine for its cache, look for files beside the image
# (which can name others), and write statistics there.
_GDAL = {
    "GDAL_CACHEMAX": 64 << 20,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GDAL_NUM_THREADS": "2",
    "GDAL_HTTP_MAX_RETRY": "0",
    "PROJ_NETWORK": "OFF",
}
_TYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"
)  # fmt: skip
_FOOT, _SURVEY_FOOT = 0.3048, 1200 / 3937


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
    tags: Mapping[str, str] = field(default_factory=dict)
    band_tags: tuple[Mapping[str, str], ...] = ()
    scales: tuple[tuple[float, float], ...] = ()
    units: tuple[str, ...] = ()
    colours: tuple[Mapping[int, tuple[int, ...]], ...] = ()
    roles: tuple[str, ...] = ()
    overviews: tuple[int, ...] = ()


def geotiff_header(path: Path, options: ReadOptions) -> Header:
    """Check the header of a GeoTIFF; see :func:`regkit.io.preflight.preflight`.

    Its axes are columns and rows; its world has the CRS, the axes easting and northing (longitude
    and latitude in degrees) and the unit of the CRS. Whether a value is meant of the area of a
    pixel or of a point, GDAL gives the corner of the pixel: its centre is half a pixel further.

    Raises
    ------
    InputError
        If it is cut, has no CRS or geotransform (but ground control points or RPCs), or values that
        are no real numbers.
    """
    name = display_name(path)
    with open_geotiff(path, name) as dataset:
        world = _world(name, dataset)
        affine = _affine(name, dataset)
        shape = (int(dataset.width), int(dataset.height))
        check_dims(name, shape)
        facts, stored = _facts(dataset), _stored(name, dataset)
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
    header
        As :func:`geotiff_header` returned it, with the band chosen.
    window
        A slice of indices for each axis: columns and rows of the level.
    level
        0 for the pixels themselves, then the overviews of the file.

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
        values = _numbers(header, dataset).read(_band(header), window=_rasters(window)).T
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, values.dtype.type(0))
    return np.ascontiguousarray(values)


def known_geotiff(header: Header, window: Window, level: int) -> NDArray[np.bool_] | None:
    """Tell where one band has data by its nodata value, alpha, mask and by NaN.

    Parameters
    ----------
    header
        As :func:`geotiff_header` returned it, with the band chosen.
    window, level
        As for :func:`read_geotiff`.

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
    with open_geotiff(header.path, header.name, level) as dataset:
        part = {"window": _rasters(window)}
        known: NDArray[np.bool_] = dataset.read_masks(_band(header), **part).T > 0
        if real:
            known = known & np.isfinite(dataset.read(_band(header), **part)).T
    return None if known.all() else np.ascontiguousarray(known)


@contextmanager
def gdal() -> Iterator[Any]:
    """Give rasterio, with what GDAL may do bounded.

    Raises
    ------
    InputError
        If rasterio is not installed.
    """
    rasterio = require("rasterio", extra=EXTRA)
    with rasterio.Env(**_GDAL):
        yield rasterio


@contextmanager
def open_geotiff(path: Path, name: str, level: int = 0) -> Iterator[Any]:
    """Open a local file by the GeoTIFF driver alone, and say in one sentence what is wrong with it.

    Parameters
    ----------
    path
        The file, which exists.
    name
        What messages call it.
    level
        0 for the pixels themselves, then the overviews of the file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    # GDAL takes names that begin so for archives, memory or the network.
    place = str(path.absolute())
    if place.startswith("/vsi"):
        raise InputError(f"{name}: lies in a folder whose name GDAL takes for another; move it")
    choice = {"overview_level": level - 1} if level else {}
    with gdal() as rasterio, warnings.catch_warnings():
        # That there is no geotransform is refused in our own words.
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            with rasterio.open(place, driver="GTiff", **choice) as dataset:
                yield dataset
        except (rasterio.errors.RasterioError, rasterio.errors.CRSError) as error:
            reason = (str(error.__cause__ or error).splitlines() or ["unknown"])[0]
            raise InputError(
                f"{name}: cannot be read ({reason.replace(place, name):.100}); the file is cut or "
                "damaged"
            ) from error


def centre_affine(transform: Any) -> Matrix:
    """Turn the geotransform of rasterio, of pixel corners, into index to world of pixel centres.

    Parameters
    ----------
    transform
        Its six numbers, or the object of the package affine: ``(column, row)`` to ``(x, y)``.

    Returns
    -------
    Matrix
        ``(3, 3)`` float64.
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    return homogeneous([[a, b], [d, e]], [c, f]) @ homogeneous(np.eye(2), [0.5, 0.5])


def corner_transform(affine: Matrix) -> tuple[float, ...]:
    """Turn index to world of pixel centres ``(3, 3)`` into the six numbers of a geotransform."""
    matrix = affine @ homogeneous(np.eye(2), [-0.5, -0.5])
    return tuple(float(value) for value in matrix[:2].ravel())


def _world(name: str, dataset: Any) -> World:
    crs = dataset.crs
    if dataset.transform.is_identity:
        _refuse_unplaced(name, dataset)
    if not crs:
        raise InputError(
            f"{name}: has a geotransform but no CRS (coordinate reference system); set it, such as "
            "with rio edit-info --crs EPSG:32632"
        )
    epsg = crs.to_epsg()
    known = f"EPSG:{epsg}" if epsg else crs.to_wkt()
    return World(_unit(name, crs), "EN+", known)


def _refuse_unplaced(name: str, dataset: Any) -> None:
    points = len(dataset.gcps[0])
    what = f"{points} ground control points (GCPs)" if points else None
    if what is None and dataset.rpcs is not None:
        what = "the coefficients of a camera (RPCs)"
    if what is not None:
        raise InputError(
            f"{name}: lies on the earth by {what}, not by a geotransform; rectify it first, such "
            "as with gdalwarp or rio warp"
        )
    raise InputError(f"{name}: has tags of GeoTIFF, but no geotransform; georeference it first")


def _unit(name: str, crs: Any) -> str:
    if crs.is_geographic:
        return "degree"
    called, metres = crs.linear_units_factor
    units = (("m", 1.0), ("ft", _FOOT), ("us-ft", _SURVEY_FOOT))
    unit = next((unit for unit, size in units if abs(size - metres) < 1e-9), None)
    if unit is None:
        raise InputError(f"{name}: its CRS counts in {called}; allowed: metre, foot, degree")
    return unit


def _affine(name: str, dataset: Any) -> Matrix:
    affine = centre_affine(dataset.transform)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) == 0:
        raise InputError(f"{name}: its geotransform is {tuple(dataset.transform)[:6]}; it must be "
                         "finite and span a plane")  # fmt: skip
    return affine


def _stored(name: str, dataset: Any) -> str:
    stored = str(dataset.dtypes[0])
    if stored not in _TYPES:
        raise InputError(f"{name}: has values of type {stored}; allowed: {', '.join(_TYPES)}")
    return stored


def _facts(dataset: Any) -> BandFacts:
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


def _numbers(header: Header, dataset: Any) -> Any:
    """The dataset, if it still has the bands that the header told of."""
    if dataset.count < _band(header):
        raise InputError(f"{header.name}: has changed since its header was read; read it again")
    return dataset


def _band(header: Header) -> int:
    facts: BandFacts = header.source
    return facts.numbers[header.channel]


def _rasters(window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns as rasterio takes them."""
    columns, rows = window
    return (rows.start, rows.stop), (columns.start, columns.stop)
