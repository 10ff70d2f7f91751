"""A study: every model on every data set under every suppressor, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch

from probes.images.bands import Bands
from probes.images.batch import Batch
from probes.images.model_settings import ModelSettings
from probes.images.samples import ImageSamples
from probes.reliance.answers import (
    PLAIN,
    OnShare,
    check_conditions,
    conditions_of,
)
from probes.reliance.config import RelianceConfig
from probes.reliance.index import Reliance, RelianceIndex
from probes.reliance.judges import AskedData, judge_model
from probes.reliance.matching import match_level
from probes.reliance.retention import retention
from probes.reliance.rows import (
    ERROR,
    REFUSED,
    AuditRow,
    ContrastRow,
    IndexRow,
    SkillRow,
)
from probes.reliance.skill import bootstrap_weights, check_truth
from probes.reliance.suppressor import suppressor_called, usual_suppressors
from regkit.errors import InputError
from regkit.statistics import percentile_interval

_AUDITED = 64  # images on which retention is measured
_SHUFFLED, _SEAMS = "patch-shuffle", "seams"


@dataclass(frozen=True)
class RelianceTables:
    """All that a study has found.

    Parameters
    ----------
    skills, indices, contrasts, audits
        Rows of the four tables, in the order of the configuration.
    """

    skills: Sequence[SkillRow] = ()
    indices: Sequence[IndexRow] = ()
    contrasts: Sequence[ContrastRow] = ()
    audits: Sequence[AuditRow] = ()


def run_reliance(
    config: RelianceConfig, data: Sequence[ImageSamples], on_share: OnShare = lambda share: None
) -> RelianceTables:
    """Ask every model about every data set, and audit the suppressors on each.

    Parameters
    ----------
    config
        The study.
    data
        Its data sets, in its order.
    on_share
        Called with the share that is done.

    Raises
    ------
    InputError
        If labels do not fit the task, or a band is constant or not finite.
    """
    asked = [
        _prepared(config, settings.name, samples)
        for settings, samples in zip(config.data, data, strict=True)
    ]
    audits = [row for each in asked for row in _audit(config, each)]
    skills: list[SkillRow] = []
    found: dict[tuple[str, str], Reliance] = {}
    pairs = [(each, model) for each in asked for model in config.models]
    for number, (each, model) in enumerate(pairs):
        answer = _ask(config, each, model, _part(on_share, number, len(pairs)))
        skills += _skill_rows(config, each, model.name, answer)
        if isinstance(answer, Reliance):
            found[each.name, model.name] = answer
    indices = [row for key, each in found.items() for row in _index_rows(*key, each)]
    return RelianceTables(skills, indices, list(_contrasts(found, config.level)), audits)


def _part(on_share: OnShare, number: int, count: int) -> OnShare:
    """Report the share of one part of several as one of the whole."""
    return lambda share: on_share((number + share) / count)


def _prepared(config: RelianceConfig, name: str, samples: ImageSamples) -> AskedData:
    try:
        bands = Bands.of(samples.images.float(), samples.valid, span=config.span)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if samples.truth is not None:
        check_truth(config.task, samples.truth)
    names = config.suppressors or usual_suppressors(bands.count)
    levels = dict(config.levels)
    if config.match is not None:
        levels |= _matched(config, names, samples, bands)
    if _SHUFFLED in levels:
        levels.setdefault(_SEAMS, levels[_SHUFFLED])  # a control of the same patches
    conditions = conditions_of(names, config.draws, levels)
    generator = np.random.default_rng(config.seed)
    weights = bootstrap_weights(len(samples), config.resamples, generator, samples.subjects)
    refused = check_conditions(samples, bands, conditions)
    return AskedData(name, samples, bands, conditions, refused, weights)


def _few(samples: ImageSamples, bands: Bands) -> Batch:
    """Some images, evenly from the whole set."""
    places = torch.arange(0, len(samples), max(1, len(samples) // _AUDITED))[:_AUDITED]
    valid = None if samples.valid is None else samples.valid[places]
    return Batch(samples.images[places].float(), bands, valid)


def _matched(
    config: RelianceConfig, names: Sequence[str], samples: ImageSamples, bands: Bands
) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for name in names:
        suppressor = suppressor_called(name)
        if suppressor.cue == "seams" or config.match is None:
            continue
        try:
            matched = match_level(suppressor, _few(samples, bands), config.match, config.seed)
        except InputError:  # the images do not suit it: its own levels are refused with the reason
            continue
        found[name] = (matched.strength,)
    return found


def _audit(config: RelianceConfig, asked: AskedData) -> Iterator[AuditRow]:
    batch = _few(asked.samples, asked.bands)
    for condition in asked.conditions:
        if condition.suppressor == PLAIN or condition.draw or condition in asked.refused:
            continue
        suppressor = suppressor_called(condition.suppressor)
        left = retention(suppressor, batch, condition.strength, config.seed)
        yield AuditRow(
            asked.name, condition.suppressor, suppressor.cue, condition.level, condition.strength,
            suppressor.unit, left.arrangement, left.texture, left.chroma, left.value_agreement,
            left.local_variance, left.high_frequency, left.gradient_correlation,
            left.edge_agreement, left.spectral_angle, left.band_correlation,
            config.match if suppressor.cue != _SEAMS else None,
        )  # fmt: skip


def _ask(
    config: RelianceConfig, asked: AskedData, model: ModelSettings, on_share: OnShare
) -> Reliance | str:
    """What a model loses, or why it could not be asked."""
    try:
        return judge_model(config, asked, model, on_share)
    except InputError as error:
        return str(error)


def _skill_rows(
    config: RelianceConfig, asked: AskedData, model: str, answer: Reliance | str
) -> Iterator[SkillRow]:
    subjects = len(set(asked.samples.subjects or range(len(asked.samples))))
    drawn = max((each.draw for each in asked.conditions), default=0) + 1
    for condition in asked.conditions:
        if condition.draw:
            continue
        suppressor = (
            None if condition.suppressor == PLAIN else suppressor_called(condition.suppressor)
        )
        row = SkillRow(
            asked.name, model, condition.suppressor, suppressor.cue if suppressor else "",
            condition.level, condition.strength, suppressor.unit if suppressor else "",
            drawn if suppressor and suppressor.is_random else 1, len(asked.samples),
            len(asked.samples.left_out), subjects,
        )  # fmt: skip
        if condition in asked.refused:
            yield replace(row, status=REFUSED, message=asked.refused[condition])
        elif isinstance(answer, str):
            yield replace(row, status=ERROR, message=answer)
        else:
            yield _measured(row, answer)


def _measured(row: SkillRow, found: Reliance) -> SkillRow:
    if row.suppressor == PLAIN:
        plain = found.plain
        return replace(
            row, skill=plain.estimate, skill_low=plain.low, skill_high=plain.high, relative=1.0,
            relative_low=1.0, relative_high=1.0,
        )  # fmt: skip
    own = next(
        each
        for each in found.levels
        if (each.suppressor, each.level) == (row.suppressor, row.level)
    )
    return replace(
        row, skill=own.skill.estimate, skill_low=own.skill.low, skill_high=own.skill.high,
        relative=own.relative.estimate, relative_low=own.relative.low,
        relative_high=own.relative.high,
    )  # fmt: skip


def _index_rows(data: str, model: str, found: Reliance) -> Iterator[IndexRow]:
    for each in found.indices:
        cue = suppressor_called(each.suppressor).cue
        one = each.index
        yield IndexRow(data, model, each.suppressor, cue, one.estimate, one.low, one.high)


def _contrasts(found: Mapping[tuple[str, str], Reliance], level: float) -> Iterator[ContrastRow]:
    """Pairs that share a model or a data set; models on the same images are paired by image."""
    for (key, one), (other_key, other) in combinations(found.items(), 2):
        if key[0] != other_key[0] and key[1] != other_key[1]:
            continue
        others = {each.suppressor: each for each in other.indices}
        for each in one.indices:
            if each.suppressor in others:
                yield _contrast(key, other_key, each, others[each.suppressor], level)


def _contrast(
    first: tuple[str, str],
    second: tuple[str, str],
    one: RelianceIndex,
    other: RelianceIndex,
    level: float,
) -> ContrastRow:
    found = percentile_interval(one.samples - other.samples, level)
    names = [f"{model} on {data}" for data, model in (first, second)]
    return ContrastRow(
        one.suppressor,
        names[0],
        names[1],
        found.estimate,
        found.low,
        found.high,
        first[0] == second[0],
    )
