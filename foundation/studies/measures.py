"""What reports of studies measure, and how each measure is written in their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from foundation.studies.cells import StudyCell
from foundation.studies.config import StudyConfig
from foundation.studies.summary import (
    FAILURE,
    Finding,
    Judgement,
    PromptCondition,
    summarise_cells,
)
from foundation.studies.words import (
    estimate_text,
    p_text,
    share_estimate_text,
    states_text,
)

CELL_MEASURES = ("dice", "surface_dice", "hd95", "volume_error", FAILURE)
Baseline = Callable[[PromptCondition], PromptCondition | None]
ByMeasure = Mapping[str, Sequence[Finding]]


def findings_by_measure(
    config: StudyConfig, cells: Iterable[StudyCell], baseline: Baseline
) -> ByMeasure:
    """Summarise cells by every measure, as a study judges them.

    Parameters
    ----------
    config
        The study.
    cells
        In any order.
    baseline
        As of :func:`foundation.studies.summary.summarise_cells`.
    """
    known = list(cells)
    return {
        name: summarise_cells(known, baseline, judgement_of(config, name)) for name in CELL_MEASURES
    }


def judgement_of(config: StudyConfig, measure: str) -> Judgement:
    """Return how a study judges a measure."""
    return Judgement(measure, config.failure_below, config.level, config.resamples, config.seed)


def measure_titles(unit: str) -> tuple[str, ...]:
    """Return the titles of the columns of :func:`measure_texts`, for lengths in ``unit``."""
    return (
        "Dice", "Prompt's Dice", "Over its prompt", "Surface Dice", f"HD95, {unit}",
        "Volume error", "Failures", "Difference of Dice", "p (Holm)", "Not done",
    )  # fmt: skip


def measure_texts(found: ByMeasure) -> list[tuple[str, ...]]:
    """Write the findings of every condition, in their order, one text a column."""
    return [_texts(*each) for each in zip(*(found[name] for name in CELL_MEASURES), strict=True)]


def _texts(
    dice: Finding, surface: Finding, hd95: Finding, volume: Finding, failure: Finding
) -> tuple[str, ...]:
    return (
        estimate_text(dice.score), estimate_text(dice.echo), estimate_text(dice.gain, sign=True),
        estimate_text(surface.score), estimate_text(hd95.score),
        share_estimate_text(volume.score, sign=True), share_estimate_text(failure.score),
        estimate_text(dice.change, sign=True), p_text(dice.difference), states_text(dice),
    )  # fmt: skip


def method_text(config: StudyConfig, unit: str) -> str:
    """Say what the measures are."""
    return (
        f"Surface Dice has a tolerance of {config.tolerance:g} {unit}. The volume error is the "
        "difference of the volumes as a share of the true one. A failure is a Dice below "
        f"{config.failure_below:g}. A result that is empty has Dice 0, is a failure and has no "
        "HD95, so that HD95 alone flatters a model that misses structures. Over its prompt is the "
        "Dice minus that of the prompt itself, over the same structures: below 0 a model would do "
        "better to return its prompt."
    )


def truth_texts(config: StudyConfig) -> tuple[str, ...]:
    """Say what the label maps are that results are compared with, where the study says it."""
    return (f"What results are compared with: {config.truth}",) if config.truth else ()


def draws_text(config: StudyConfig) -> str:
    """Say what every interval and every n is of."""
    return (
        f"n is the number of subjects; intervals have the level {config.level:g}, from "
        f"{config.resamples} draws of subjects with the seed {config.seed}."
    )
