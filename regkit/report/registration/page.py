"""The report of a registration, as a page of the kit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from regkit.metrics.affine_part import affine_part
from regkit.metrics.structures import StructureScore
from regkit.registration.result import Result
from regkit.report.page import Page
from regkit.report.registration.checks import quality_verdict, registration_checks
from regkit.report.registration.citation import citations
from regkit.report.registration.layers import registration_viewer
from regkit.report.registration.maps import (
    agreement_sections,
    deformation_section,
    difference_section,
)
from regkit.report.registration.numbers import (
    headers_section,
    metrics_section,
    stages_section,
)
from regkit.report.registration.pictures import comparison_sections
from regkit.report.registration.structures import structure_sections
from regkit.report.scene import scene
from regkit.volume.volume import Labels

_APART = (
    "By their headers alone, the two images share none of the planes shown, so the “before” "
    "pictures of moving are black."
)


def registration_page(
    result: Result,
    *,
    before: Mapping[str, float] | None = None,
    structures: Sequence[StructureScore] = (),
    labels: Mapping[str, Labels] | None = None,
) -> Page:
    """Make the page that reports a registration.

    Parameters
    ----------
    result
        What a registration returned.
    before
        Metrics before registration, under the names of ``result.metrics``, for a column beside
        them.
    structures
        How well each labelled structure overlaps, where there are labels.
    labels
        Label maps in the world of fixed, by what the viewer calls them.
    """
    cuts = scene(result.fixed, result.moving, result.warped)
    affine = affine_part(result.transform, result.fixed.grid)
    fixed, moving = cuts.names
    sections = [
        *comparison_sections(result, cuts),
        *agreement_sections(result.quality.evidence, cuts),
        difference_section(cuts, result.config.similarity),
        deformation_section(result, cuts, affine),
        metrics_section(result, before),
        *structure_sections(result, structures),
        stages_section(result),
        headers_section(result.fixed, result.moving),
    ]
    return Page(
        title=f"{moving} registered to {fixed}",
        checks=registration_checks(result),
        sections=[*registration_viewer(result, cuts, affine, labels or {}, sections), *sections],
        facts=(f"Transform: {result.config.transform}", f"Similarity: {result.config.similarity}"),
        verdict=quality_verdict(result.quality),
        grade=result.quality.verdict,
        notes=[_APART] if cuts.shared == 0 else [],
        settings=result.config.model_dump(mode="json"),
        citations=citations(result),
    )
