"""The report of a study of prompt robustness."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from foundation.studies.cells import StudyCell
from foundation.studies.charts import by_radius, forest, magnitude_curves
from foundation.studies.endings import ending_checks, not_measured
from foundation.studies.measures import (
    ByMeasure,
    draws_text,
    findings_by_measure,
    judgement_of,
    measure_texts,
    measure_titles,
    method_text,
    truth_texts,
)
from foundation.studies.robustness.config import RobustnessConfig
from foundation.studies.summary import (
    FAILURE,
    Finding,
    PromptCondition,
    mean_change,
    summarise_cells,
)
from foundation.studies.words import estimate_text, number_text, p_text, share_estimate_text
from regkit.report import Check, Page, Section, details, figure, hint, legend, table
from regkit.report.palette import SERIES


def robustness_page(
    config: RobustnessConfig, cells: Sequence[StudyCell], unit: str, failed: int = 0
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
    found = findings_by_measure(config, cells, baseline_of)
    colours = dict(zip(config.models, SERIES * len(config.models), strict=False))
    return Page(
        config.study,
        checks=[*ending_checks(config, cells, failed), _clipped(cells)],
        sections=[
            _summary(config, found["dice"]),
            _curves(found["dice"], colours),
            _differences(found["dice"], colours),
            _failures(config, found[FAILURE], colours),
            _table(found, unit),
            _structures(config, cells),
            not_measured(cells),
            _method(config, unit),
        ],
        facts=[_size(config, cells)],
        settings=config.model_dump(mode="json"),
    )


def baseline_of(condition: PromptCondition) -> PromptCondition | None:
    """The condition that another is compared with: the same model, with the prompt as it was."""
    if condition.perturbation == "none":
        return None
    return PromptCondition(condition.model, condition.prompt, "none", 0.0, "")


def _size(config: RobustnessConfig, cells: Sequence[StudyCell]) -> str:
    subjects = len({case.owner for case in config.cases})
    return (
        f"models: {len(config.models)}, images: {len(config.cases)} of {subjects} subjects, "
        f"structures: {len(config.labels)}, cells: {len(cells)}"
    )


def _clipped(cells: Sequence[StudyCell]) -> Check:
    clipped = sum(bool(cell.clipped) for cell in cells)
    return Check(not clipped, f"{clipped} prompts were cut off by the edge of their image.")


def _summary(config: RobustnessConfig, found: Sequence[Finding]) -> Section:
    parts = []
    for model in config.models:
        own = [each for each in found if each.condition.model == model]
        base = next((each for each in own if each.condition.perturbation == "none"), None)
        if base is None or base.score is None:
            parts.append(f"{model}: nothing could be measured.")
            continue
        worst = [each for each in own if each.difference is not None]
        text = f"{model}: Dice {estimate_text(base.score)} with the prompt as it was."
        if worst:
            low = min(worst, key=mean_change)
            text += f" It loses most by {_named(low)}: {estimate_text(low.change, sign=True)}"
            text += f", where the prompt itself has {estimate_text(low.echo)}."
        parts.append(text)
    return Section("What was found", [*parts, *truth_texts(config), hint(draws_text(config))])


def _named(found: Finding) -> str:
    condition = found.condition
    if not condition.magnitude:
        return condition.perturbation
    return f"{condition.perturbation} of {condition.magnitude:g} {condition.unit}"


def _grouped(found: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Every perturbation to its findings, those of the prompt as it was first."""
    base = [each for each in found if each.condition.perturbation == "none"]
    names = dict.fromkeys(each.condition.perturbation for each in found if each not in base)
    return {
        name: [*base, *(each for each in found if each.condition.perturbation == name)]
        for name in names
    }


def _measured(groups: dict[str, list[Finding]]) -> dict[str, list[Finding]]:
    """The perturbations of which something was measured."""
    return {
        name: each
        for name, each in groups.items()
        if any(f.score is not None for f in each if f.condition.perturbation == name)
    }


def _legend(colours: dict[str, str]) -> Markup:
    return legend([(colour, model) for model, colour in colours.items()])


def _curves(found: Sequence[Finding], colours: dict[str, str]) -> Section:
    groups = _measured(_grouped(found))
    text = (
        "Mean over subjects, with its interval as a band. The dashed line is the Dice of the "
        "prompt itself, with its interval in grey: a model below it would do better to return its "
        "prompt."
    )
    pictures = [figure(each) for each in magnitude_curves(groups, colours, "Dice")]
    sized = {name: each for name, each in groups.items() if each[-1].relative is not None}
    shares = [figure(each) for each in magnitude_curves(sized, colours, "Dice", by_radius)]
    title = "The same over the magnitude as a share of the radius of the structure"
    folded = [details(title, Markup("").join(shares))] if shares else []
    return Section("Dice over the magnitude", [hint(text), _legend(colours), *pictures, *folded])


def _failures(
    config: RobustnessConfig, found: Sequence[Finding], colours: dict[str, str]
) -> Section:
    text = (
        f"The share of answers with a Dice below {config.failure_below:g}, averaged as Dice is; "
        "the dashed line is that of the prompts, with its interval. Differences are from the "
        "prompt as it was, over the same structures of the same subjects."
    )
    groups = _measured(_grouped(found))
    curves = magnitude_curves(groups, colours, "share of failures")
    columns = (
        "Model", "Perturbation", "Magnitude", "Failures", "Of the prompts", "Difference", "p (Holm)"
    )  # fmt: skip
    rows = [
        (*_asked(each.condition), share_estimate_text(each.score), share_estimate_text(each.echo),
         share_estimate_text(each.change, sign=True), p_text(each.difference))
        for each in found
    ]  # fmt: skip
    folded = details("The numbers", table(columns, rows, numbers=columns[2:3]))
    return Section("Failures", [hint(text), _legend(colours), *map(figure, curves), folded])


def _differences(found: Sequence[Finding], colours: dict[str, str]) -> Section:
    differing = [each for each in found if each.difference is not None]
    if not differing:
        return Section("Differences from the prompt as it was", ["Nothing could be paired."])
    text = (
        "The same structures of the same images, with the perturbed prompt minus with the prompt "
        "as it was; the mean over subjects and its interval."
    )
    picture = figure(forest(differing, colours, "Dice"))
    return Section("Differences from the prompt as it was", [hint(text), picture])


def _asked(condition: PromptCondition) -> tuple[str, str, str]:
    magnitude = f"{condition.magnitude:g} {condition.unit}"
    return condition.model, condition.perturbation, magnitude


def _table(found: ByMeasure, unit: str) -> Section:
    columns = (
        "Model", "Perturbation", "Magnitude", "Realised", "Of the radius", *measure_titles(unit)
    )  # fmt: skip
    rows = [
        (*_asked(each.condition), number_text(each.realised), number_text(each.relative), *texts)
        for each, texts in zip(found["dice"], measure_texts(found), strict=True)
    ]
    return Section("All conditions", [table(columns, rows, numbers=columns[2:5])])


def _structures(config: RobustnessConfig, cells: Sequence[StudyCell]) -> Section:
    return Section(
        "Structures",
        [
            hint(f"Mean Dice of each structure. {draws_text(config)}"),
            *(details(model, _of_model(config, model, cells)) for model in config.models),
        ],
    )


def _of_model(config: RobustnessConfig, model: str, cells: Sequence[StudyCell]) -> Markup:
    columns = ("Perturbation", *config.labels)
    how = judgement_of(config, "dice")
    texts: dict[str, dict[str, str]] = {}
    for label in config.labels:
        own = [cell for cell in cells if (cell.model, cell.label) == (model, label)]
        for each in summarise_cells(own, lambda condition: None, how):
            texts.setdefault(_named(each), {})[label] = estimate_text(each.score)
    rows = [
        (name, *(own.get(label, "-") for label in config.labels)) for name, own in texts.items()
    ]
    return table(columns, rows)


def _method(config: RobustnessConfig, unit: str) -> Section:
    seeds = ", ".join(map(str, config.seeds))
    return Section(
        "How it was done",
        [
            f"The truth of each structure became a prompt ({config.prompt}) and was perturbed; "
            f"what is random was drawn with the seeds {seeds}, for each case, structure, "
            "perturbation and magnitude alone. Realised is the magnitude as it was measured, of "
            "the radius the magnitude as a share of the radius of the largest ball in the "
            "structure.",
            "The unit is the subject: its score is the mean over its images, of the mean over "
            f"structures, of the mean over seeds. Here {draws_text(config)} p is that of "
            "Wilcoxon's signed-rank test, corrected by Holm for all conditions of a model; below "
            "six subjects none is given, as none could be below 0.05.",
            method_text(config, unit),
        ],
    )
