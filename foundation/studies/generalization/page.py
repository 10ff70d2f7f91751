"""The report of a study of domain generalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from foundation.studies.cells import StudyCell
from foundation.studies.endings import ending_checks, not_measured
from foundation.studies.generalization.config import GeneralizationConfig
from foundation.studies.generalization.gap import GapClosed, gaps
from foundation.studies.measures import (
    ByMeasure,
    draws_text,
    findings_by_measure,
    measure_texts,
    measure_titles,
    method_text,
    truth_texts,
)
from foundation.studies.summary import Estimate, Finding, PromptCondition, mean_change
from foundation.studies.words import estimate_text
from regkit.report import Page, Section, figure, hint, table
from regkit.report.heat_map import heat_map


def generalization_page(
    config: GeneralizationConfig, cells: Sequence[StudyCell], unit: str, failed: int = 0
) -> Page:
    """Make the report of a study whose cells are known.

    Parameters
    ----------
    config
        What was asked.
    cells
        All of them.
    unit
        Of lengths in the world of the images.
    failed
        Rows without cells.
    """
    placed = [_placed(cell) for cell in cells]
    places = list(dict.fromkeys(cell.perturbation for cell in placed))
    found = _findings(config, placed)
    closed = gaps(config, placed, places)
    subjects = len({case.owner for case in config.cases})
    return Page(
        config.study,
        checks=list(ending_checks(config, cells, failed)),
        sections=[
            _summary(config, found["dice"], closed),
            _map(config, found["dice"], places),
            _gaps(config, closed),
            _table(found, unit),
            not_measured(cells),
            _method(config, unit),
        ],
        facts=[
            f"models: {len(config.models)}, images: {len(config.cases)} of {subjects} subjects, "
            f"domains: {len(places)}, sources of prompts: {len(config.sources)}, "
            f"cells: {len(cells)}"
        ],
        settings=config.model_dump(mode="json"),
    )


def named_place(cell: StudyCell) -> str:
    """Name where an image is from, and how it was shifted.

    Parameters
    ----------
    cell
        Of a study of generalisation.
    """
    shifted = f", {cell.perturbation} {cell.magnitude:g}" if cell.magnitude else ""
    return f"{cell.domain}{shifted}"


def _placed(cell: StudyCell) -> StudyCell:
    """The cell with its place as perturbation; images of one subject can then be paired."""
    return replace(
        cell, perturbation=named_place(cell), magnitude=0.0, unit="", case=cell.subject, domain=""
    )


def _findings(config: GeneralizationConfig, cells: Sequence[StudyCell]) -> ByMeasure:
    def at_home(condition: PromptCondition) -> PromptCondition | None:
        home = replace(condition, perturbation=config.in_domain)
        return None if home == condition else home

    return findings_by_measure(config, cells, at_home)


def _summary(
    config: GeneralizationConfig, found: Sequence[Finding], closed: Sequence[GapClosed]
) -> Section:
    parts = []
    for each in found:
        condition = each.condition
        if condition.perturbation == config.in_domain and each.score is not None:
            away = [f for f in found if _like(f, condition) and f.difference is not None]
            text = f"{condition.model} by {condition.prompt}: Dice {estimate_text(each.score)}"
            text += f" in {config.in_domain}"
            parts.append(f"{text}{_lowest(away)}.")
    measured = [each for each in closed if each.share is not None]
    if measured:
        best = max(measured, key=lambda each: each.share or 0.0)
        parts.append(
            f"Of the gap between {config.baseline} and {config.oracle}, {best.source} closes most "
            f"with {best.model} in {best.place}: {share_closed_text(best)}."
        )
    if not parts:
        return Section("What was found", ["Nothing could be measured."])
    return Section("What was found", [*parts, *truth_texts(config), hint(draws_text(config))])


def _lowest(away: Sequence[Finding]) -> str:
    if not away:
        return ""
    worst = min(away, key=mean_change)
    change = f"{worst.condition.perturbation}: {estimate_text(worst.change, sign=True)}"
    return f"; lowest in {change}" if mean_change(worst) < 0 else f"; no lower elsewhere, {change}"


def _like(finding: Finding, condition: PromptCondition) -> bool:
    other = finding.condition
    return (other.model, other.prompt) == (condition.model, condition.prompt)


def _map(config: GeneralizationConfig, found: Sequence[Finding], places: Sequence[str]) -> Section:
    if not places:
        return Section("Dice by domain", ["Nothing could be measured."])
    rows = [f"{model}: {source}" for model in config.models for source in config.sources]
    values = {
        (f"{each.condition.model}: {each.condition.prompt}", each.condition.perturbation):
        each.score.mean
        for each in found
        if each.score is not None
    }  # fmt: skip
    text = (
        f"Mean Dice over subjects, of every model with every source of prompts; models were "
        f"trained in {config.in_domain}. An empty field was not measured; the numbers of subjects "
        "and the intervals are in the table of all conditions."
    )
    return Section("Dice by domain", [hint(text), figure(heat_map(rows, places, values, "Dice"))])


def _gaps(config: GeneralizationConfig, closed: Sequence[GapClosed]) -> Section:
    if not closed:
        missing = (
            f"This takes answers by {config.baseline}, by {config.oracle} and by another source."
        )
        return Section("What prompts make up for", [f"No source could be compared. {missing}"])
    text = (
        f"The gap is the Dice with {config.oracle} minus that with {config.baseline}; the share "
        "of it that another source closes is 100 % where it does as well as the oracle, and below "
        "0 where it does worse than the baseline."
    )
    columns = ("Model", "Domain", "Source", "Subjects", "Gap", "Share closed")
    rows = [
        (each.model, each.place, each.source, str(each.subjects),
         estimate_text(Estimate(each.gap, each.subjects, each.gap_interval)),
         share_closed_text(each))
        for each in closed
    ]  # fmt: skip
    return Section("What prompts make up for", [hint(text), table(columns, rows)])


def share_closed_text(closed: GapClosed) -> str:
    """Write the share of a gap that was closed, with its interval and the number of subjects."""
    if closed.share is None:
        return "no gap"
    text = f"{100 * closed.share:.0f} %"
    if closed.interval is not None:
        text += f" [{100 * closed.interval.low:.0f}, {100 * closed.interval.high:.0f}]"
    return f"{text} (n = {closed.subjects})"


def _table(found: ByMeasure, unit: str) -> Section:
    columns = ("Model", "Prompt", "Domain", *measure_titles(unit))
    rows = [
        (each.condition.model, each.condition.prompt, each.condition.perturbation, *texts)
        for each, texts in zip(found["dice"], measure_texts(found), strict=True)
    ]
    return Section("All conditions", [table(columns, rows)])


def _method(config: GeneralizationConfig, unit: str) -> Section:
    return Section(
        "How it was done",
        [
            "Every model saw the same image files; shifted ones were stored once. Prompts by "
            "point, box and mask are made of the truth; class and text name the structure; atlas "
            "is the label of another subject, brought onto the image by registration; model: is "
            "what another model finds. No crop depends on the truth but through the prompt.",
            "The unit is the subject: its score is the mean over structures. Differences are from "
            f"{config.in_domain}, over the same structures of the same subjects. Here "
            f"{draws_text(config)} p is that of Wilcoxon's signed-rank test, corrected by Holm for "
            "all conditions of a model; below six subjects none is given.",
            method_text(config, unit),
        ],
    )
