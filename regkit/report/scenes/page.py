"""The report of a registration of scenes, as a page of the kit."""

from __future__ import annotations

from dataclasses import replace

from regkit.geometry.grid import Grid
from regkit.registration.scenes import SceneResult
from regkit.registration.scenes.ground import ground_of
from regkit.report.checks import Check
from regkit.report.figures import checkerboard, grey, overlay
from regkit.report.page import Page
from regkit.report.parts import Section, blend, figure, hint, legend, pairs
from regkit.report.scene import Scene as Cuts
from regkit.report.scene import scene
from regkit.report.scenes.vectors import residual_chart, shift_map
from regkit.resample import warp
from regkit.transforms import compose
from regkit.volume.volume import Volume

_COLOURS = (
    ("#f0f", "only the reference is bright"),
    ("#0f0", "only the scene is bright"),
    ("#999", "both are equally bright"),
)
_NEAR, _MANY = 1.0, 0.3
_TURNED = 5.0  # degrees by which north of a map may be off without a word
_SHOWN = 1 << 22  # pixels of a scene from which pictures are made
_CITATIONS = (
    "Masked correlation: Padfield D. Masked object registration in the Fourier domain. IEEE TIP "
    "2012. doi:10.1109/TIP.2011.2181402",
    "Consensus: Fischler MA, Bolles RC. Random sample consensus. CACM 1981. "
    "doi:10.1145/358669.358692",
)


def scene_page(result: SceneResult) -> Page:
    """Make the page that reports how two scenes were registered.

    Parameters
    ----------
    result
        What was found; the first pair of bands that were compared is shown.
    """
    fixed, moving = result.pair.names
    cuts = scene_cuts(result)
    return Page(
        title=f"{moving} registered to {fixed}",
        checks=_checks(result),
        sections=[
            _before_and_after(result, cuts),
            *_in_turn(result, cuts),
            _vectors(result, cuts),
            Section("Residuals", [figure(residual_chart(result))]),
            Section("Checkerboard", [figure(checkerboard(cuts, f"Tiles of {fixed}, {moving}."))]),
            _numbers(result),
            _worlds(result),
        ],
        facts=(
            f"Transform: {result.config.transform}",
            f"CRS of the reference: {result.grid.world.crs_name}",
        ),
        settings=result.config.model_dump(mode="json"),
        citations=_CITATIONS,
    )


def scene_cuts(result: SceneResult) -> Cuts:
    """The first pair of bands: the reference, the scene by its header, and the scene warped."""
    pair = result.pair
    fixed, moving = (each.pyramids[0].small(_SHOWN) for each in (pair.fixed, pair.moving))
    grid = _shown_grid(fixed)
    there = replace(moving, data=moving.data.float())
    base = replace(fixed, data=fixed.data.float())
    phi = compose(result.placed, result.fit.motion)
    before = warp(there, result.placed.between(grid.world, moving.grid.world), onto=grid)
    after = warp(there, phi.between(grid.world, moving.grid.world), onto=grid)
    return scene(base, before, after)


def _shown_grid(fixed: Volume) -> Grid:
    """The grid of the reference, in no more pixels than a report shows."""
    most = max(fixed.grid.shape)
    if most <= 1024:
        return fixed.grid
    return fixed.grid.with_spacing([s * most / 1024 for s in fixed.grid.spacing])


def _checks(result: SceneResult) -> list[Check]:
    m = result.metrics
    return [
        Check(
            m["left_out_px"] <= _NEAR,
            f"Tie points are off a map that did not know them by {m['left_out_px']:.2g} pixels "
            f"({m['left_out_m']:.2g} m), in the median; up to {_NEAR:g} pixel passes.",
        ),
        Check(
            m["valid_share"] >= _MANY,
            f"{m['tie_points']:.0f} of {m['windows']:.0f} windows agree; from "
            f"{100 * _MANY:.0f} % on passes.",
        ),
        Check(
            m["correlation_after"] >= m["correlation_before"],
            f"Windows correlate by {m['correlation_before']:.2f} before and by "
            f"{m['correlation_after']:.2f} after; it must not fall.",
        ),
    ]


def _before_and_after(result: SceneResult, cuts: Cuts) -> Section:
    fixed, moving = result.pair.names
    before = overlay(cuts, cuts.before, f"{fixed} in magenta, {moving} by its header in green.")
    after = overlay(cuts, cuts.after, f"{fixed} in magenta, warped {moving} in green.")
    return Section(
        "Before and after",
        [legend(_COLOURS), figure(before, "Before:", "the scene as its header places it."),
         figure(after, "After:", "the scene warped onto the reference.")],
    )  # fmt: skip


def _in_turn(result: SceneResult, cuts: Cuts) -> list[Section]:
    """Flicker between reference and scene, before and after."""
    fixed, moving = result.pair.names
    below = grey(cuts.planes, cuts.fixed, f"Band of {fixed}.")
    text = "Anything that jumps does not match. Move the slider, or let the two images alternate."
    out = []
    for title, images in (("before", cuts.before), ("after", cuts.after)):
        above = grey(cuts.planes, images, f"Band of {moving}, {title} registration.")
        parts = [hint(text), blend(below, above, ("reference", "scene"))]
        out.append(Section(f"Reference and scene in turn, {title}", parts))
    return out


def _vectors(result: SceneResult, cuts: Cuts) -> Section:
    text = (
        "Each arrow leads from a place of the reference to where the scene shows it, enlarged. "
        "Crosses are windows that were rejected: they were not found, or disagree with the others."
    )
    north = ground_of(result.grid).north
    if abs(north) > _TURNED:
        text += f" N is the north of the CRS, which points {_compass(north)} of true north."
    return Section("Tie points", [hint(text), figure(shift_map(result, cuts))])


def _compass(north: float) -> str:
    """How far a direction is turned from north, and to which side.

    Examples
    --------
    >>> _compass(-5.24)
    '5.2 degrees west'
    """
    return f"{abs(north):.1f} degrees {'east' if north > 0 else 'west'}"


def _numbers(result: SceneResult) -> Section:
    m = result.metrics
    rows = [
        ("Compared", result.pair.reason),
        ("Last tie points matched by", result.fit.similarity),
        ("Windows", f"{m['windows']:.0f}"),
        ("Tie points that agree", f"{m['tie_points']:.0f} ({100 * m['valid_share']:.0f} %)"),
        ("Share of the reference that the scene covers", f"{100 * m['overlap']:.0f} %"),
        ("Displacement, mean", f"{m['displacement_mean_m']:.4g} m "
         f"({m['displacement_mean_px']:.3g} pixels)"),
        ("Displacement, largest", f"{m['displacement_largest_m']:.4g} m"),
        ("Residual, RMS", f"{m['residual_m']:.3g} m ({m['residual_px']:.2g} pixels)"),
        ("Left out, median", f"{m['left_out_m']:.3g} m ({m['left_out_px']:.2g} pixels)"),
        ("Correlation of windows", f"{m['correlation_before']:.3f} before, "
         f"{m['correlation_after']:.3f} after"),
    ]  # fmt: skip
    return Section("Numbers", [pairs(rows)])


def _worlds(result: SceneResult) -> Section:
    rows = []
    for scene_, role in ((result.pair.fixed, "reference"), (result.pair.moving, "scene")):
        rows.append((role, f"{scene_.name}: {scene_.grid.summary}"))
    return Section("Where the scenes lie", [pairs(rows)])
