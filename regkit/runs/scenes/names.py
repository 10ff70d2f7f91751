"""Names of the files that a registration of scenes writes."""

from __future__ import annotations

WARPED, SHIFTED = "warped.tif", "shifted.tif"
TRANSFORM, INVERSE = "transform.h5", "inverse.h5"
DISPLACEMENT = "displacement.tif"
POINTS = "tie_points.geojson"
STAC = "stac_item.json"
REPORT = "report.html"
