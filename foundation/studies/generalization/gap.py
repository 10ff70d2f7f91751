"""How much of the gap to the best prompt another source of prompts closes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from foundation.studies.cells import MEASURED, StudyCell
from foundation.studies.generalization.config import GeneralizationConfig
from regkit.statistics import Interval

_SMALLEST_GAP = 0.02  # Dice; below it there is nothing to be closed, and a ratio is noise


@dataclass(frozen=True)
class GapClosed:
    """What a source of prompts makes up for.

    Parameters
    ----------
    model, place, source
        Which model, where, and by which prompts.
    subjects
        How many have all three scores.
    gap
        The mean Dice with the oracle minus with the baseline.
    share
        The part of it that the source closes; None where the gap is too small to speak of.
    interval
        Of the share, by drawing subjects; None with fewer than two, or where a draw has no gap.
    gap_interval
        Of the gap, by the same draws; None with fewer than two subjects.
    """

    model: str
    place: str
    source: str
    subjects: int
    gap: float
    share: float | None
    interval: Interval | None = None
    gap_interval: Interval | None = None


def gaps(
    config: GeneralizationConfig, cells: Sequence[StudyCell], places: Sequence[str]
) -> list[GapClosed]:
    """Tell, for every model and place, how much of the gap every other source closes.

    Parameters
    ----------
    config
        What the baseline and the oracle are, and how intervals are drawn.
    cells
        Those of the study, with their place as perturbation and their subject as case.
    places
        In the order in which they are told.
    """
    found = []
    for model in config.models:
        for place in places:
            own = [c for c in cells if (c.model, c.perturbation) == (model, place)]
            for source in config.sources:
                if source not in (config.baseline, config.oracle):
                    closed = _closed(config, own, source)
                    if closed is not None:
                        found.append(closed)
    return found


def _closed(
    config: GeneralizationConfig, cells: Sequence[StudyCell], source: str
) -> GapClosed | None:
    scores = [_scores(cells, name) for name in (config.baseline, source, config.oracle)]
    shared = sorted(set.intersection(*(set(each) for each in scores)))
    if not shared:
        return None
    by_subject: dict[str, list[list[float]]] = defaultdict(list)
    for question in shared:
        by_subject[question[0]].append([each[question] for each in scores])
    rows = np.array([np.mean(by_subject[subject], axis=0) for subject in sorted(by_subject)])
    base, _, best = rows.mean(axis=0)
    first = cells[0]
    return GapClosed(
        first.model, first.perturbation, source, len(rows), float(best - base), _share(rows),
        *_intervals(config, rows, first, source),
    )  # fmt: skip


def _scores(cells: Sequence[StudyCell], source: str) -> dict[tuple[str, str], float]:
    """Dice by subject and structure."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for cell in cells:
        if cell.prompt == source and cell.status in MEASURED and cell.dice is not None:
            values[cell.subject, cell.label].append(cell.dice)
    return {question: fmean(each) for question, each in values.items()}


def _share(rows: NDArray[np.float64]) -> float | None:
    base, score, best = rows.mean(axis=0)
    return float((score - base) / (best - base)) if best - base >= _SMALLEST_GAP else None


def _intervals(
    config: GeneralizationConfig, rows: NDArray[np.float64], cell: StudyCell, source: str
) -> tuple[Interval | None, Interval | None]:
    """Percentile intervals of the share and of the gap, subjects drawn with all their scores."""
    if len(rows) < 2:
        return None, None
    word = f"{config.seed} gap {cell.model} {cell.perturbation} {source}"
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
    drawn = np.random.default_rng(seed).integers(len(rows), size=(config.resamples, len(rows)))
    means = rows[drawn].mean(axis=1)
    gap = means[:, 2] - means[:, 0]
    base, _, best = rows.mean(axis=0)
    of_gap = _percentiles(gap, float(best - base), config.level)
    share = _share(rows)
    if share is None or gap.min() < _SMALLEST_GAP:
        return None, of_gap
    return _percentiles((means[:, 1] - means[:, 0]) / gap, share, config.level), of_gap


def _percentiles(draws: NDArray[np.float64], estimate: float, level: float) -> Interval:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), level)
