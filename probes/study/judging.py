"""Judge blocks of features by probes: scores, differences, and a control without any truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from probes.linear import (
    PermutationControl,
    ProbeDifference,
    ProbeFit,
    ProbeScore,
    Target,
    choose_columns,
    compare_probes,
    fit_probe,
    permutation_control,
    score_probe,
)
from probes.linear.differences import with_holm
from probes.linear.nested import ProbeSettings
from probes.linear.scores import CHANCE_LEVELS, HEADLINE, SubjectDraws
from probes.study.blocks import Column, FeatureBlock
from probes.study.config import ProbeConfig
from regkit.statistics import Interval

CHOSEN: Column = ("chosen inside the fold", "")
"""The layer and pooling that each outer fold took by its own inner folds."""


@dataclass(frozen=True, eq=False)
class JudgedBlock:
    """One source in one arm, judged.

    Parameters
    ----------
    block
        What was judged.
    fits
        By layer and pooling, and :data:`CHOSEN` where there are several.
    scores
        Every measure of each of them.
    control
        With outcomes exchanged between subjects; None where none was asked for.
    """

    block: FeatureBlock
    fits: Mapping[Column, ProbeFit]
    scores: Mapping[Column, Sequence[ProbeScore]]
    control: PermutationControl | None

    @property
    def headline(self) -> Column:
        """The layer and pooling that reports speak of: never one picked by its own test score."""
        return CHOSEN if CHOSEN in self.fits else next(iter(self.fits))

    def score(self, metric: str, column: Column | None = None) -> ProbeScore:
        """Return one measure, by default of the headline."""
        found = self.scores[self.headline if column is None else column]
        return next(each for each in found if each.metric == metric)

    @property
    def title(self) -> str:
        """What reports call it; a baseline always says that it is one."""
        word = f"baseline: {self.block.features}" if self.block.baseline else self.block.features
        return f"{word}, {self.block.arm}" if self.block.arm else word


@dataclass(frozen=True, eq=False)
class ComparedProbes:
    """Two judged blocks and how they differ.

    Parameters
    ----------
    first, second
        Their titles.
    difference
        The first minus the second.
    """

    first: str
    second: str
    difference: ProbeDifference


@dataclass(frozen=True, eq=False)
class ProbeFindings:
    """All that a study found.

    Parameters
    ----------
    target
        What was to be told.
    judged
        Every source in every arm.
    comparisons
        What was compared.
    """

    target: Target
    judged: Sequence[JudgedBlock]
    comparisons: Sequence[ComparedProbes]

    @property
    def metric(self) -> str:
        """The headline measure."""
        return HEADLINE[self.target.kind]

    @property
    def chance(self) -> float:
        """What a probe has that knows nothing."""
        return CHANCE_LEVELS[self.metric]

    def spoken_of(self) -> Sequence[JudgedBlock]:
        """The models; the baselines where there is nothing else.

        An oracle is sure of itself, and a probe that scores all rows alike has an interval of no
        width: neither makes a table large enough.
        """
        models = [each for each in self.judged if not each.block.baseline]
        return models or self.judged

    def widest(self) -> Interval:
        """Return the widest interval of a headline."""
        intervals = [each.score(self.metric).interval for each in self.judged]
        return max(intervals, key=lambda each: each.high - each.low)


def judge_blocks(
    blocks: Sequence[FeatureBlock],
    target: Target,
    config: ProbeConfig,
    settings: ProbeSettings,
    pairs: Sequence[tuple[int, int]],
    on_step: Callable[[float], None] = lambda share: None,
) -> ProbeFindings:
    """Judge every block, and compare some of them.

    Parameters
    ----------
    blocks
        Of the same rows.
    target
        What is to be told.
    config
        Draws, level, margin and permutations.
    settings
        How probes are fitted.
    pairs
        Numbers of blocks that are compared, the first minus the second.
    on_step
        Told which share is done.
    """
    draws = SubjectDraws.of(target, config.resamples, config.seed)
    judged = []
    for number, block in enumerate(blocks, start=1):
        judged.append(_judge(block, target, config, settings, draws))
        on_step(number / len(blocks))
    return ProbeFindings(target, judged, _compare(judged, pairs, target, config, draws))


def _judge(
    block: FeatureBlock,
    target: Target,
    config: ProbeConfig,
    settings: ProbeSettings,
    draws: SubjectDraws,
) -> JudgedBlock:
    fits = {key: fit_probe(features, target, settings) for key, features in block.columns.items()}
    if len(fits) > 1:
        chosen = choose_columns({_word(key): fit for key, fit in fits.items()})
        fits = {CHOSEN: chosen, **fits}
    scores = {key: score_probe(fit, target, draws, config.level) for key, fit in fits.items()}
    return JudgedBlock(block, fits, scores, _control(block, target, config, settings))


def _word(column: Column) -> str:
    return ", ".join(part for part in column if part)


def _control(
    block: FeatureBlock, target: Target, config: ProbeConfig, settings: ProbeSettings
) -> PermutationControl | None:
    if not config.permutations:
        return None
    columns = {_word(key): features for key, features in block.columns.items()}
    return permutation_control(
        columns, target, settings, count=config.permutations, seed=config.seed
    )


def _compare(
    judged: Sequence[JudgedBlock],
    pairs: Sequence[tuple[int, int]],
    target: Target,
    config: ProbeConfig,
    draws: SubjectDraws,
) -> list[ComparedProbes]:
    found = []
    for one, other in pairs:
        first, second = (each.fits[each.headline] for each in (judged[one], judged[other]))
        found.append(
            compare_probes(first, second, target, draws, margin=config.margin, level=config.level)
        )
    return [
        ComparedProbes(judged[one].title, judged[other].title, difference)
        for (one, other), difference in zip(pairs, with_holm(found), strict=True)
    ]
