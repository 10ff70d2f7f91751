"""The report of a registration, as a page of the kit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import regkit
from regkit.metrics.affine_part import affine_part
from regkit.metrics.structures import StructureScore
from regkit.registration.result import Result
from regkit.report.page import Page
from regkit.report.registration.checks import checks_of, quality_verdict
from regkit.report.registration.citation import citations
from regkit.report.registration.maps import agreement, change, deformation
from regkit.report.registration.names import names_of
from regkit.report.registration.numbers import images, measures, stages
from regkit.report.registration.pictures import comparisons
from regkit.report.registration.structures import structures_section
from regkit.report.scene import scene

_APART = (
    "By their headers alone, the two images share none of the planes shown, so the “before” "
    "pictures of moving are black."
)


def registration_page(
    result: Result,
    *,
    before: Mapping[str, float] | None = None,
    structures: Sequence[StructureScore] = (),
) -> Page:
    """What the report of a registration says.

    Parameters
    ----------
    result
        What a registration returned.
    before
        Metrics before registration, under the names of ``result.metrics``, for a column beside
        them.
    structures
        How well each labelled structure overlaps, where there are labels.
    """
    cuts = scene(result.fixed, result.moving, result.warped)
    affine = affine_part(result.transform, result.fixed.grid)
    fixed, moving = names_of(result)
    sections = [
        *comparisons(result, cuts),
        *agreement(result, cuts),
        change(result, cuts),
        deformation(result, cuts, affine),
        measures(result, before),
        *structures_section(result, structures),
        stages(result),
        images(result),
    ]
    return Page(
        title=f"{moving} registered to {fixed}",
        checks=checks_of(result),
        sections=sections,
        facts=(f"Transform: {result.config.transform}", f"Similarity: {result.config.similarity}"),
        verdict=quality_verdict(result.quality),
        grade=result.quality.verdict,
        notes=[_APART] if cuts.shared == 0 else [],
        settings=result.config.model_dump(mode="json"),
        citations=citations(result, regkit.__version__),
    )
