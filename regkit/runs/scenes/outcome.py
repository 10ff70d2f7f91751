"""What a registration of scenes has found, and how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from regkit.geometry import Grid, World
from regkit.geometry.affines import homogeneous
from regkit.io import save, write_transform
from regkit.io.formats.geotiff.moved import moved_geotiff
from regkit.io.header import Header
from regkit.registration.scenes import SceneResult
from regkit.registration.scenes.levels import pixels_across
from regkit.registration.scenes.result import displacement_volume, metres_a_pixel, moved_grid
from regkit.runs.bands import save_like, warped_bands
from regkit.runs.scenes.acquisition import acquisition_time
from regkit.runs.scenes.names import (
    DISPLACEMENT,
    INVERSE,
    POINTS,
    SHIFTED,
    STAC,
    TRANSFORM,
    WARPED,
)
from regkit.runs.scenes.stac import stac_item
from regkit.runs.shift import shift_entry
from regkit.transforms.reprojection import Reprojection

if TYPE_CHECKING:
    from regkit.report import Page

_EARTH = World("degree", "EN+", "OGC:CRS84")


@dataclass(frozen=True, eq=False)
class SceneOutcome:
    """A result, and the scene that is to be warped.

    Parameters
    ----------
    result
        What was found.
    header
        Of the scene: all of its bands are written.
    source
        Its file.
    name
        What a catalogue may call the result.
    keep_resolution
        Whether it keeps the size of its pixels.
    stac
        When it was taken, or ``auto``, where an item is asked for.
    """

    result: SceneResult
    header: Header
    source: Path
    name: str = "scene"
    keep_resolution: bool = False
    stac: str | None = None

    def entries(self, seconds: float) -> dict[str, Any]:
        """What was compared, and metrics: lengths in metres and in pixels of the reference."""
        result = self.result
        return {
            "config": result.config.model_dump(mode="json"),
            "reason": result.pair.reason,
            "world": asdict(result.grid.world),
            "shift": shift_entry(self._moved_by(), self.header.grid),
            "metrics": result.metrics,
        }

    def _moved_by(self) -> list[float]:
        """What is to be added to easting and northing of the scene, which then lies right."""
        by = moved_grid(self.result, self.header.grid).affine - self.header.grid.affine
        return [float(each) for each in by[:2, 2]]

    def write(self, places: Mapping[str, Path], record: Mapping[str, Any]) -> None:
        """Write every file but the report."""
        result = self.result
        if SHIFTED in places:
            moved_geotiff(self.source, places[SHIFTED], moved_grid(result, self.header.grid))
        if WARPED in places:
            grid = self._grid()
            bands = tuple(warped_bands(self.header, result.transform, grid))
            save_like(self.header, bands, places[WARPED], grid)
        write_transform(result.transform, places[TRANSFORM])
        write_transform(result.inverse(), places[INVERSE])
        save(displacement_volume(result), places[DISPLACEMENT])
        places[POINTS].write_text(json.dumps(tie_points(result), allow_nan=False), "utf-8")

        if self.stac:
            places[STAC].write_text(self._item(self.stac, tuple(places)), "utf-8")

    def _item(self, stac: str, files: tuple[str, ...]) -> str:
        header = self.header
        shifted = moved_grid(self.result, header.grid) if SHIFTED in files else None
        taken = acquisition_time(stac, header.source.tags, header.name)
        return stac_item(self.name, shifted or self._grid(), taken, files, header.channel_names)

    def _grid(self) -> Grid:
        """That of the reference, in pixels of the size of the scene where that is asked for."""
        grid = self.result.grid
        if not self.keep_resolution:
            return grid.straightened()
        # Rounded, as areas are computed: 20 m, not 19.9999999999.
        factor = round(self._wanted() / metres_a_pixel(grid), 9)
        return in_pixels_of(grid.straightened(), factor)

    def _wanted(self) -> float:
        """Metres of a pixel of the scene: as its file says, or on the ground if it says degrees."""
        result, scene = self.result, self.header.grid
        if scene.world.unit != "degree":
            return metres_a_pixel(scene)
        return metres_a_pixel(result.grid) / pixels_across(result.grid, result.placed, scene)

    def page(self) -> Page:
        """The report."""
        from regkit.report.scenes.page import scene_page

        return scene_page(self.result)

    def summary(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """What was done, and how well the tie points agree."""
        m = self.result.metrics
        return (
            f"done    {m['tie_points']:.0f} of {m['windows']:.0f} windows agree; moved by "
            f"{m['displacement_mean_m']:.3g} m on average; tie points left out are off by "
            f"{m['left_out_px']:.2g} pixels (median); {record['seconds']:.0f} s",
            f"compared {self.result.pair.reason}",
        )


def in_pixels_of(grid: Grid, factor: float) -> Grid:
    """Cover a grid from its first corner with pixels ``factor`` times as large.

    Examples
    --------
    >>> in_pixels_of(Grid((4, 4), np.eye(3)), 0.5).shape
    (8, 8)
    """
    size = [max(1, int(np.ceil(n / factor - 1e-6))) for n in grid.shape]
    start = homogeneous(np.eye(2) * factor, [(factor - 1) / 2] * 2)
    return grid.placed(size, grid.affine @ start)


def tie_points(result: SceneResult) -> dict[str, Any]:
    """Tie points as GeoJSON, in longitude and latitude as the standard has it (RFC 7946).

    Properties of each: ``x``, ``y``, ``dx`` and ``dy`` in the CRS of the reference, ``shift_px``,
    ``error_px`` (its standard error), ``residual_px``, ``correlation``, ``reliability``, and
    ``kept``.
    """
    ties, grid = result.fit.ties, result.grid
    where = grid.to_world(torch.from_numpy(np.ascontiguousarray(ties.index)))
    earth = Reprojection(grid.world, _EARTH)(where).numpy()
    way = ties.shift @ grid.affine[:-1, :-1].T
    rest = np.linalg.norm(result.fit.residual, axis=1)
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [round(float(v), 8) for v in earth[n]]},
            "properties": {
                "x": float(where[n, 0]), "y": float(where[n, 1]),
                "dx": float(way[n, 0]), "dy": float(way[n, 1]),
                "shift_px": [float(v) for v in ties.shift[n]],
                "error_px": float(np.linalg.norm(ties.error[n])),
                "residual_px": float(rest[n]),
                "correlation": float(ties.likeness[n]),
                "reliability": float(ties.reliability[n]),
                "kept": bool(ties.good[n]),
            },
        }
        for n in range(len(ties))
    ]  # fmt: skip
    return {
        "type": "FeatureCollection",
        "name": "tie points",
        "crs_of_x_and_y": grid.world.crs,
        "metres_a_pixel": metres_a_pixel(grid),
        "features": features,
    }
