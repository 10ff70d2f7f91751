"""The report of a study of prompt robustness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

from markupsafe import Markup

from foundation.studies.cells import MEASURED, StudyCell
from foundation.studies.charts import by_radius, forest, magnitude_curves
from foundation.studies.robustness.config import RobustnessConfig
from foundation.studies.rows import check_rows
from foundation.studies.summary import (
    Finding,
    Judgement,
    PromptCondition,
    mean_change,
    summarise_cells,
)
from foundation.studies.words import estimate_text, number_text, p_text, share_text, states_text
from regkit.report import Check, Page, Section, details, figure, hint, legend, table
from regkit.report.palette import SERIES

_MEASURES = {"dice": "Dice", "surface_dice": "surface Dice", "hd95": "HD95"}


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
    found = {measure: _findings(config, cells, measure) for measure in _MEASURES}
    colours = dict(zip(config.models, SERIES * len(config.models), strict=False))
    return Page(
        config.study,
        checks=[check_rows(failed), *_checks(config, cells)],
        sections=[
            _summary(config, found["dice"]),
            _curves(found["dice"], colours),
            _differences(found["dice"], colours),
            _table(found, unit),
            _structures(config, cells),
            _method(config, cells, unit),
        ],
        facts=[_size(config, cells)],
        settings=config.model_dump(mode="json"),
    )


def baseline_of(condition: PromptCondition) -> PromptCondition | None:
    """The condition that another is compared with: the same model, with the prompt as it was."""
    if condition.perturbation == "none":
        return None
    return PromptCondition(condition.model, condition.prompt, "none", 0.0, "")


def _findings(config: RobustnessConfig, cells: Sequence[StudyCell], measure: str) -> list[Finding]:
    how = Judgement(measure, config.failure_below, config.level, config.resamples, config.seed)
    return summarise_cells(cells, baseline_of, how)


def _size(config: RobustnessConfig, cells: Sequence[StudyCell]) -> str:
    subjects = len({case.owner for case in config.cases})
    return (
        f"models: {len(config.models)}, images: {len(config.cases)} of {subjects} subjects, "
        f"structures: {len(config.labels)}, cells: {len(cells)}"
    )


def _checks(config: RobustnessConfig, cells: Sequence[StudyCell]) -> Iterator[Check]:
    states = Counter(cell.status for cell in cells)
    broken = states["error"] + states["unsupported"]
    yield Check(not broken, f"{len(cells) - broken} of {len(cells)} cells could be asked.")
    empty = states["empty_prompt"]
    yield Check(
        not empty,
        f"{empty} prompts were empty after the perturbation; they are no answer of a model and "
        "count for nothing." if empty else "No prompt was empty.",
    )  # fmt: skip
    clipped = sum(bool(cell.clipped) for cell in cells)
    yield Check(not clipped, f"{clipped} prompts were cut off by the edge of their image.")
    subjects = len({case.owner for case in config.cases})
    yield Check(
        subjects >= 10,
        f"Subjects: {subjects}; intervals of fewer than ten are too short.",
    )


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
            text += f", where the prompt itself has {number_text(low.echo)}."
        parts.append(text)
    return Section("What was found", parts)


def _named(found: Finding) -> str:
    condition = found.condition
    return f"{condition.perturbation} of {condition.magnitude:g} {condition.unit}"


def _curves(found: Sequence[Finding], colours: dict[str, str]) -> Section:
    base = [each for each in found if each.condition.perturbation == "none"]
    names = dict.fromkeys(each.condition.perturbation for each in found if each not in base)
    groups = {
        name: [*base, *(each for each in found if each.condition.perturbation == name)]
        for name in names
    }
    keys = [(colour, model) for model, colour in colours.items()]
    text = (
        "Mean over subjects, with its interval as a band. The dashed line is the Dice of the "
        "prompt itself: a model below it would do better to return its prompt."
    )
    pictures = [figure(each) for each in magnitude_curves(groups, colours, "Dice")]
    sized = {name: each for name, each in groups.items() if each[-1].relative is not None}
    shares = [figure(each) for each in magnitude_curves(sized, colours, "Dice", by_radius)]
    title = "The same over the magnitude as a share of the radius of the structure"
    folded = [details(title, Markup("").join(shares))] if shares else []
    return Section("Dice over the magnitude", [hint(text), legend(keys), *pictures, *folded])


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


def _table(found: dict[str, list[Finding]], unit: str) -> Section:
    columns = (
        "Model", "Perturbation", "Magnitude", "Realised", "Of the radius", "Dice", "Prompt's Dice",
        "Surface Dice", f"HD95, {unit}", "Difference of Dice", "p (Holm)", "Failures", "Not done",
    )  # fmt: skip
    rows = [
        _row(*each)
        for each in zip(found["dice"], found["surface_dice"], found["hd95"], strict=True)
    ]
    return Section("All conditions", [table(columns, rows, numbers=columns[2:5])])


def _row(dice: Finding, surface: Finding, hd95: Finding) -> tuple[str, ...]:
    condition = dice.condition
    return (
        condition.model, condition.perturbation, f"{condition.magnitude:g} {condition.unit}",
        number_text(dice.realised), number_text(dice.relative), estimate_text(dice.score),
        number_text(dice.echo), estimate_text(surface.score), estimate_text(hd95.score),
        estimate_text(dice.change, sign=True), p_text(dice.difference),
        share_text(dice.failures), states_text(dice),
    )  # fmt: skip


def _structures(config: RobustnessConfig, cells: Sequence[StudyCell]) -> Section:
    return Section(
        "Structures",
        [
            hint("Mean Dice over cells: a description, since cells of one subject are alike."),
            *(details(model, _of_model(config, model, cells)) for model in config.models),
        ],
    )


def _of_model(config: RobustnessConfig, model: str, cells: Sequence[StudyCell]) -> Markup:
    asked = dict.fromkeys((name, magnitude) for name, magnitude, _ in config.questions())
    columns = ("Perturbation", *config.labels)
    rows = []
    for name, magnitude in asked:
        own = [
            cell for cell in cells
            if (cell.model, cell.perturbation, cell.magnitude) == (model, name, magnitude)
        ]  # fmt: skip
        rows.append((f"{name} {magnitude:g}", *(_mean(own, label) for label in config.labels)))
    return table(columns, rows, numbers=columns[1:])


def _mean(cells: Sequence[StudyCell], label: str) -> str:
    values = [
        cell.dice
        for cell in cells
        if cell.label == label and cell.status in MEASURED and cell.dice is not None
    ]
    return number_text(fmean(values)) if values else "-"


def _method(config: RobustnessConfig, cells: Sequence[StudyCell], unit: str) -> Section:
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
            f"structures, of the mean over seeds. Intervals have the level {config.level:g}, from "
            f"{config.resamples} draws of subjects with the seed {config.seed}. p is that of "
            "Wilcoxon's signed-rank test, corrected by Holm for all conditions of a model; below "
            "six subjects none is given, as none could be below 0.05.",
            f"Surface Dice has a tolerance of {config.tolerance:g} {unit}. A failure is a Dice "
            f"below {config.failure_below:g}; a result that is empty has Dice 0 and no HD95, so "
            "HD95 alone flatters a model that misses structures.",
        ],
    )
