"""Sections with maps: where the images agree, how they differ, and how the transform bends."""

from __future__ import annotations

from regkit.losses.registry import traits_of
from regkit.registration.quality import Evidence
from regkit.registration.result import Result
from regkit.report.figures import differences
from regkit.report.parts import Section, figure, hint, legend, pairs
from regkit.report.registration.agreement import agreement_map, share_at_chance
from regkit.report.registration.deformation import deformed_grid, grid_step, jacobian_map
from regkit.report.registration.rows import global_part_rows
from regkit.report.scene import Scene
from regkit.transforms import Affine

_AGREEMENT = (
    "Each block of the fixed image is compared with the place that was found for it, and with "
    "remote places of the moving image, by edges and texture."
)
_ORANGE = (("#ff7300", "remote places match as well: nothing shows that this part is in place"),)
_DIFFERENCE = (
    "Moving minus fixed, each scaled to its own display range. White: no difference. Red: moving "
    "is brighter. Blue: fixed is brighter."
)
_DEFORMATION = "The global part of the transform is given in numbers, the local part in pictures."
_JACOBIAN = (
    "White: the volume stays. Red: larger in moving, shrunk to fit fixed. Blue: smaller in "
    "moving, stretched. Yellow squares: folding. The grey line outlines fixed."
)


def agreement_sections(evidence: Evidence | None, cuts: Scene) -> list[Section]:
    """Map where the images match no better than by chance, if anything was compared."""
    chance = None if evidence is None else evidence.chance
    if chance is None or (chance.valid is not None and not bool(chance.valid.any())):
        return []
    alt = f"Agreement of both images over {cuts.names[0]}: {cuts.where}."
    percent = f"{100 * share_at_chance(chance):.1f} %"
    share = f"{percent} of the compared blocks match no better than by chance."
    drawn = figure(agreement_map(cuts, chance, alt), text=share)
    return [Section("Local agreement", [hint(_AGREEMENT), legend(_ORANGE), drawn])]


def difference_section(cuts: Scene, similarity: str) -> Section:
    """Show moving minus fixed, before and after, as ``similarity`` compared them."""
    (fixed, moving), where = cuts.names, cuts.where
    before, after = differences(
        cuts,
        f"{moving} minus {fixed} before registration: {where}.",
        f"Warped {moving} minus {fixed} after registration: {where}.",
    )
    drawn = [
        figure(before, "Before:", "placed by the headers alone."),
        figure(after, "After:", "warped."),
    ]
    return Section("Difference", [hint(_DIFFERENCE), *_other_contrast(similarity), *drawn])


def deformation_section(result: Result, cuts: Scene, affine: Affine) -> Section:
    """Show the global part in numbers, the rest as a bent grid and as changes of volume.

    Parameters
    ----------
    result
        The registration, whose transform is shown.
    cuts
        The planes, and fixed on them.
    affine
        The global part of the transform, world affine from fixed to moving.
    """
    (fixed, _), where = cuts.names, cuts.where
    bent = deformed_grid(cuts, result.transform, affine, f"Deformed grid over {fixed}: {where}.")
    volume = jacobian_map(
        cuts, result.jacobian, f"Logarithm of the Jacobian determinant on {fixed}: {where}."
    )
    step = f"{grid_step(cuts.planes):.3g} {result.fixed.grid.world.unit}"
    lines = (
        f"Lines that are {step} apart in moving, as they come to lie on fixed; the global part is "
        "left out. Straight lines: no local deformation. Movement through the plane is not shown."
    )
    parts = [
        hint(_DEFORMATION),
        pairs(global_part_rows(affine, result.fixed.grid)),
        figure(bent, "Deformed grid.", lines),
        figure(volume, "Change of volume (logarithm of the Jacobian).", _JACOBIAN),
    ]
    return Section("Deformation", parts)


def _other_contrast(similarity: str) -> list[str]:
    """A warning where brightness differs even between images that match."""
    if not traits_of(similarity).across_contrasts:
        return []
    return [
        f"The two images were compared across contrasts ({similarity}): their brightness differs "
        "even where the anatomy matches, so look only at the edges."
    ]
