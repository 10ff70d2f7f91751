"""The slices that every figure of a report is drawn from, each computed once."""

from __future__ import annotations

from dataclasses import dataclass

from regkit.report.display import Range, display_range, shade, tissue_levels
from regkit.report.slices import Pixels, Plane, cut_plane, overlap_share, planes
from regkit.report.values import base_name
from regkit.transforms import Transform
from regkit.volume.volume import Volume


@dataclass(frozen=True)
class Scene:
    """Fixed, moving by its header only, and warped, on the same planes.

    Parameters
    ----------
    names
        The base names of the files of fixed and moving.
    ranges
        The intensities shown black and white: of fixed, and of moving and warped.
    planes
        Slices of fixed's world.
    fixed, before, after
        Shades 0..1, one array a plane.
    levels
        Shades of fixed whose isolines outline its anatomy.
    shared
        Share of the planes that moving covers by its header alone.
    """

    names: tuple[str, str]
    ranges: tuple[Range, Range]
    planes: tuple[Plane, ...]
    fixed: tuple[Pixels, ...]
    before: tuple[Pixels, ...]
    after: tuple[Pixels, ...]
    levels: tuple[float, ...]
    shared: float

    @property
    def where(self) -> str:
        """The names of the planes, for words that stand for a picture."""
        return ", ".join(plane.name for plane in self.planes)


def scene(
    fixed: Volume, moving: Volume, warped: Volume, *, view: tuple[Plane, ...] | None = None
) -> Scene:
    """Cut fixed, moving and warped; ``before`` and ``after`` share moving's display range.

    Parameters
    ----------
    fixed, moving, warped
        The images; moving is cut where its header places it.
    view
        The planes, in the world of fixed; those through the middle of its foreground if None.
    """
    view = planes(fixed) if view is None else view
    limits, other = display_range(fixed), display_range(moving)
    low, high = limits
    return Scene(
        names=(base_name(fixed.name) or "fixed", base_name(moving.name) or "moving"),
        ranges=(limits, other),
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
    """Return the shades 0..1 of a volume on every plane; beyond the volume it is black.

    Parameters
    ----------
    volume
        Its first channel is shown.
    view
        The planes.
    limits
        The intensities that become black and white.
    phi
        World points of the planes to world points of ``volume``; the identity if None.
    """
    return tuple(shade(cut_plane(volume, plane, phi, outside=limits[0]), limits) for plane in view)
