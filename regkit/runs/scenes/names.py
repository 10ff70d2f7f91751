"""Names of the files that a registration of scenes writes."""

from __future__ import annotations

WARPED, SHIFTED = "warped.tif", "shifted.tif"
TRANSFORM = "transform.h5"
DISPLACEMENT = "displacement.tif"
POINTS = "tie_points.geojson"
REPORT = "report.html"
