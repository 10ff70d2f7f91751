"""The slices that every figure of a report is drawn from, each computed once."""

from __future__ import annotations

from dataclasses import dataclass

from regkit.report.display import display_range, shade, tissue_levels
from regkit.report.slices import Pixels, Plane, cut_plane, overlap_share, planes
from regkit.transforms import Transform
from regkit.volume.volume import Volume


@dataclass(frozen=True)
class Scene:
    """Fixed, moving by its header only, and warped, on the same planes.

    Parameters
    ----------
    planes
        Slices of fixed's world.
    fixed, before, after
        Shades 0..1, one array a plane.
    levels
        Shades of fixed whose isolines outline its anatomy.
    shared
        Share of the planes that moving covers by its header alone.
    """

    planes: tuple[Plane, ...]
    fixed: tuple[Pixels, ...]
    before: tuple[Pixels, ...]
    after: tuple[Pixels, ...]
    levels: tuple[float, ...]
    shared: float


def scene(
    fixed: Volume, moving: Volume, warped: Volume, *, view: tuple[Plane, ...] | None = None
) -> Scene:
    """Cut the three images; ``before`` and ``after`` share moving's display range.

    Without a ``view`` of its own, the planes go through the middle of fixed's foreground.
    """
    view = planes(fixed) if view is None else view
    limits, other = display_range(fixed), display_range(moving)
    low, high = limits
    return Scene(
        planes=view,
        fixed=shade_volume(fixed, view, limits),
        before=shade_volume(moving, view, other),
        after=shade_volume(warped, view, other),
        levels=tuple((level - low) / (high - low) for level in tissue_levels(fixed)),
        shared=overlap_share(moving, view),
    )


def shade_volume(
    volume: Volume,
    view: tuple[Plane, ...],
    limits: tuple[float, float],
    phi: Transform | None = None,
) -> tuple[Pixels, ...]:
    """Shades of a volume on every plane; beyond the volume it is black."""
    return tuple(shade(cut_plane(volume, plane, phi, outside=limits[0]), limits) for plane in view)
