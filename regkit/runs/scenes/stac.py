"""A STAC item beside the files of a registration of scenes: where and when, for catalogues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import torch

from regkit.errors import InputError, require
from regkit.geometry import Grid, World
from regkit.io.formats.geotiff.place import corner_transform
from regkit.registration.scenes.result import metres_a_pixel
from regkit.runs.scenes.names import (
    DISPLACEMENT,
    INVERSE,
    POINTS,
    REPORT,
    SHIFTED,
    TRANSFORM,
    WARPED,
)
from regkit.transforms.reprojection import Reprojection

_EXTRA = "stac"
_EARTH = World("degree", "EN+", "OGC:CRS84")
_EDGE = 21  # points along each side of a footprint, which is straight in its own CRS alone
_TIFF = "image/tiff; application=geotiff"
_CLOUD = f"{_TIFF}; profile=cloud-optimized"
# Name of the file: name of the asset, media type, role and title.
_ASSETS = {
    WARPED: ("data", _CLOUD, "data", "The scene on the grid of the reference"),
    SHIFTED: ("data", _TIFF, "data", "The scene with another geotransform"),
    DISPLACEMENT: ("displacement", _CLOUD, "metadata", "East and north, in units of the CRS"),
    TRANSFORM: ("transform", "application/x-hdf5", "metadata", "Reference to scene (ITK)"),
    INVERSE: ("inverse", "application/x-hdf5", "metadata", "Scene to reference (ITK)"),
    POINTS: ("tie_points", "application/geo+json", "metadata", "Tie points"),
    REPORT: ("report", "text/html", "overview", "Report"),
}


def check_stac(grid: Grid, name: str) -> None:
    """Refuse an item that could not be written after the work.

    Raises
    ------
    InputError
        If pystac is not installed, or the grid lies across the antimeridian.
    """
    require("pystac", extra=_EXTRA)
    longitudes = [longitude for longitude, _ in _footprint(grid)]
    if max(longitudes) - min(longitudes) > 180:
        raise InputError(
            f"{name}: lies across the antimeridian, where no STAC item is written; leave out --stac"
        )


def stac_item(
    name: str,
    grid: Grid,
    taken: datetime,
    files: tuple[str, ...],
    bands: tuple[str, ...],
) -> str:
    """Describe the files of a registration as a STAC item with the projection extension, as JSON.

    Parameters
    ----------
    name
        The identifier of the item.
    grid
        Where the pixels of the scene lie now.
    taken
        When the scene was taken.
    files
        Names of the files that are there; links to them are relative.
    bands
        Names of the bands of the scene; empty for those without.

    Raises
    ------
    InputError
        If pystac is not installed.
    """
    pystac = require("pystac", extra=_EXTRA)
    projection = require("pystac.extensions.projection", extra=_EXTRA)
    outline = _footprint(grid)
    columns = [[point[axis] for point in outline] for axis in (0, 1)]
    box = [pick(column) for pick in (min, max) for column in columns]
    shape = {"type": "Polygon", "coordinates": [[*outline, outline[0]]]}
    item = pystac.Item(name, shape, box, taken, {"gsd": round(metres_a_pixel(grid), 6)})
    projection.ProjectionExtension.ext(item, add_if_missing=True).apply(
        **_crs(grid.world),
        shape=list(grid.shape[::-1]),
        transform=list(corner_transform(grid.affine)),
    )
    for file in files:
        if file in _ASSETS:
            key, media, role, title = _ASSETS[file]
            item.add_asset(key, pystac.Asset(f"./{file}", title, media_type=media, roles=[role]))
    item.assets["data"].extra_fields["bands"] = [_band(n, each) for n, each in enumerate(bands)]
    return json.dumps(item.to_dict(include_self_link=False), allow_nan=False, indent=1)


def _crs(world: World) -> Mapping[str, Any]:
    """A code where there is one, else the CRS in full, as WKT 2 of 2019."""
    if world.crs is None or world.crs.startswith("EPSG:"):
        return {"code": world.crs}
    pyproj = require("pyproj", extra="geo")
    return {"code": None, "wkt2": pyproj.CRS.from_user_input(world.crs).to_wkt("WKT2_2019")}


def _band(number: int, name: str) -> dict[str, str]:
    return {"name": name or f"band {number + 1}"}


def _footprint(grid: Grid) -> list[list[float]]:
    """The outline of a grid in longitude and latitude, against the clock as in GeoJSON."""
    columns, rows = grid.shape
    along = torch.linspace(0, 1, _EDGE, dtype=torch.float64)[:-1, None]
    corners = torch.tensor([[0, 0], [0, rows], [columns, rows], [columns, 0]], dtype=torch.float64)
    ends = corners.roll(-1, 0)
    index = torch.cat([a + along * (b - a) for a, b in zip(corners, ends, strict=True)]) - 0.5
    points = Reprojection(grid.world, _EARTH)(grid.to_world(index)).tolist()
    outline = [[round(x, 7), round(y, 7)] for x, y in points]
    following = outline[1:] + outline[:1]
    turn = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(outline, following, strict=True))
    return outline if turn > 0 else outline[::-1]
