"""GeoTIFF: images on the earth, read and written by rasterio."""

from __future__ import annotations

from regkit.io.format import Format
from regkit.io.formats.geotiff.opened import geotiff_header, known_geotiff, read_geotiff
from regkit.io.formats.geotiff.tags import has_place
from regkit.io.formats.geotiff.written import (
    fits_geotiff,
    verify_geotiff,
    write_bands,
    write_geotiff,
)

GEOTIFF = Format(
    "GeoTIFF",
    (".tif", ".tiff"),
    has_place,
    geotiff_header,
    read_geotiff,
    write_geotiff,
    verify_geotiff,
    writable=(".tif", ".tiff"),
    write_channels=write_geotiff,
    fits=fits_geotiff,
    units=("m", "ft", "us-ft", "degree"),
    georeferenced=True,
    known=known_geotiff,
    write_bands=write_bands,
)
