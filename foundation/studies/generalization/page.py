"""The report of a study of domain generalisation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from foundation.studies.cells import StudyCell
from foundation.studies.generalization.config import GeneralizationConfig
from foundation.studies.generalization.gap import GapClosed, gaps
from foundation.studies.rows import check_rows
from foundation.studies.summary import (
    Finding,
    Judgement,
    PromptCondition,
    mean_change,
    summarise_cells,
)
from foundation.studies.words import estimate_text, number_text, p_text, share_text, states_text
from regkit.report import Check, Page, Section, figure, hint, table
from regkit.report.heat_map import heat_map

_MEASURES = ("dice", "surface_dice", "hd95")


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
    found = {measure: _findings(config, placed, measure) for measure in _MEASURES}
    closed = gaps(config, placed, places)
    subjects = len({case.owner for case in config.cases})
    return Page(
        config.study,
        checks=[check_rows(failed), *_checks(config, cells)],
        sections=[
            _summary(config, found["dice"], closed),
            _map(config, found["dice"], places),
            _gaps(config, closed),
            _table(found, unit),
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


def _findings(
    config: GeneralizationConfig, cells: Sequence[StudyCell], measure: str
) -> list[Finding]:
    def at_home(condition: PromptCondition) -> PromptCondition | None:
        home = replace(condition, perturbation=config.in_domain)
        return None if home == condition else home

    how = Judgement(measure, config.failure_below, config.level, config.resamples, config.seed)
    return summarise_cells(cells, at_home, how)


def _checks(config: GeneralizationConfig, cells: Sequence[StudyCell]) -> Iterator[Check]:
    states = Counter(cell.status for cell in cells)
    yield Check(not states["error"], f"{states['error']} cells ended with an error.")
    yield Check(
        not states["unsupported"],
        f"{states['unsupported']} cells are of models that cannot take such a prompt, or whose "
        "weights are not there; they count for nothing.",
    )
    empty = states["empty_prompt"]
    yield Check(not empty, f"{empty} prompts were empty; they are no answer of a model.")
    subjects = len({case.owner for case in config.cases})
    yield Check(subjects >= 10, f"Subjects: {subjects}; intervals of fewer than ten are too short.")


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
            if away:
                worst = min(away, key=mean_change)
                text += f"; lowest in {worst.condition.perturbation}: "
                text += estimate_text(worst.change, sign=True)
            parts.append(f"{text}.")
    measured = [each for each in closed if each.share is not None]
    if measured:
        best = max(measured, key=lambda each: each.share or 0.0)
        parts.append(
            f"Of the gap between {config.baseline} and {config.oracle}, {best.source} closes most "
            f"with {best.model} in {best.place}: {_share_text(best)}."
        )
    return Section("What was found", parts or ["Nothing could be measured."])


def _like(finding: Finding, condition: PromptCondition) -> bool:
    other = finding.condition
    return (other.model, other.prompt) == (condition.model, condition.prompt)


def _map(config: GeneralizationConfig, found: Sequence[Finding], places: Sequence[str]) -> Section:
    rows = [f"{model}: {source}" for model in config.models for source in config.sources]
    values = {
        (f"{each.condition.model}: {each.condition.prompt}", each.condition.perturbation):
        each.score.mean
        for each in found
        if each.score is not None
    }  # fmt: skip
    text = (
        f"Mean Dice over subjects, of every model with every source of prompts; models were "
        f"trained in {config.in_domain}. An empty field could not be asked."
    )
    return Section("Dice by domain", [hint(text), figure(heat_map(rows, places, values, "Dice"))])


def _gaps(config: GeneralizationConfig, closed: Sequence[GapClosed]) -> Section:
    if not closed:
        return Section("What prompts make up for", ["No source could be compared."])
    text = (
        f"The gap is the Dice with {config.oracle} minus that with {config.baseline}; the share "
        "of it that another source closes is 100 % where it does as well as the oracle, and below "
        "0 where it does worse than the baseline."
    )
    columns = ("Model", "Domain", "Source", "Subjects", "Gap", "Share closed")
    rows = [
        (each.model, each.place, each.source, str(each.subjects), f"{each.gap:.3f}",
         _share_text(each))
        for each in closed
    ]  # fmt: skip
    return Section("What prompts make up for", [hint(text), table(columns, rows)])


def _share_text(closed: GapClosed) -> str:
    if closed.share is None:
        return "no gap"
    text = f"{100 * closed.share:.0f} %"
    if closed.interval is not None:
        text += f" [{100 * closed.interval.low:.0f}, {100 * closed.interval.high:.0f}]"
    return f"{text} (n = {closed.subjects})"


def _table(found: Mapping[str, Sequence[Finding]], unit: str) -> Section:
    columns = (
        "Model", "Prompt", "Domain", "Dice", "Prompt's Dice", "Surface Dice", f"HD95, {unit}",
        "Dice minus in-domain", "p (Holm)", "Failures", "Not done",
    )  # fmt: skip
    rows = [_row(*each) for each in zip(*(found[m] for m in _MEASURES), strict=True)]
    return Section("All conditions", [table(columns, rows)])


def _row(dice: Finding, surface: Finding, hd95: Finding) -> tuple[str, ...]:
    condition = dice.condition
    return (
        condition.model, condition.prompt, condition.perturbation, estimate_text(dice.score),
        number_text(dice.echo), estimate_text(surface.score), estimate_text(hd95.score),
        estimate_text(dice.change, sign=True), p_text(dice.difference),
        share_text(dice.failures), states_text(dice),
    )  # fmt: skip


def _method(config: GeneralizationConfig, unit: str) -> Section:
    return Section(
        "How it was done",
        [
            "Every model saw the same image files; shifted ones were stored once. Prompts by "
            "point, box and mask are made of the truth; class and text name the structure; atlas "
            "is the label of another subject, brought onto the image by registration; model: is "
            "what another model finds. No crop depends on the truth but through the prompt.",
            "The unit is the subject: its score is the mean over structures. Differences are over "
            "the same structures of the same subjects. Intervals have the level "
            f"{config.level:g}, from {config.resamples} draws of subjects with the seed "
            f"{config.seed}. p is that of Wilcoxon's signed-rank test, corrected by Holm for all "
            "conditions of a model; below six subjects none is given.",
            f"Surface Dice has a tolerance of {config.tolerance:g} {unit}. A failure is a Dice "
            f"below {config.failure_below:g}. An empty result has Dice 0 and no HD95.",
        ],
    )
