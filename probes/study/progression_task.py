"""ProbeProgressionTask: align visits in every arm, make features of them, judge these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from probes.linear.target import FloatArray
from probes.study.arms import ArmName, Registrar, sample_smoothed, structure_box, tilted_grid
from probes.study.blocks import (
    Column,
    FeatureBlock,
    OpenedFeatures,
    chosen_structures,
    stacked_columns,
)
from probes.study.combining import AlignedPair, combine_visits, combined_volumes
from probes.study.config import OF_NUMBERS, VOLUMES
from probes.study.judging import judge_blocks
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.progression_maps import projected_weights
from probes.study.progression_outcome import ProbeProgressionOutcome
from probes.study.seeing import rescale_intensity
from probes.study.sources import store_of
from probes.study.visits import VisitPair
from probes.table import ProbeRow
from regkit.runs import OnProgress, Progress
from regkit.volume import Labels, Volume

if TYPE_CHECKING:
    from probes.study.progression import ProbeProgressionSurvey

_FEATURES, _PROBES = 0.7, 0.9  # shares of the time, each up to here


@dataclass(frozen=True, eq=False)
class ProbeProgressionTask:
    """Pairs and sources of features that are ready."""

    survey: ProbeProgressionSurvey
    opened: Sequence[OpenedFeatures]
    atlas: tuple[Volume, Labels | None] | None
    introduction: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def execute(self, on_progress: OnProgress) -> ProbeProgressionOutcome:
        """Align, make features, judge them, and look at what the probes look at."""
        survey, config = self.survey, self.survey.job.config
        registrar = Registrar(
            config.registration, None if config.cache is None else config.cache / "transforms"
        )
        blocks = self._blocks(registrar, on_progress)
        for each in blocks:
            each.check(survey.table.name)
        findings = judge_blocks(
            blocks, survey.target, config, survey.settings, compared_arms(blocks),
            lambda s: on_progress(Progress("probes", _FEATURES + (_PROBES - _FEATURES) * s)),
        )  # fmt: skip
        verdicts = {arm: list(found) for arm, found in registrar.verdicts.items()}
        projected = projected_weights(self, findings, registrar) if config.maps else []
        lines = [pair.baseline.line for pair in survey.pairs]
        return ProbeProgressionOutcome(config, findings, lines, verdicts, projected)

    def aligned(self, pair: VisitPair, arm: ArmName, registrar: Registrar) -> AlignedPair:
        """Bring two visits to one working grid, each image sampled once.

        Parameters
        ----------
        pair
            The visits.
        arm
            How far they are aligned.
        registrar
            What finds transforms.
        """
        config = self.survey.job.config
        visits = [rescale_intensity(each.image.open()) for each in (pair.baseline, pair.follow_up)]
        reference, structures = self.atlas or (visits[0], _structures(pair.baseline, config))
        box = reference.grid
        if config.crop and structures is not None:
            box = structure_box(structures, config.crop_margin)
        onto = tilted_grid(box, tuple(config.shape))
        images = [
            sample_smoothed(each, registrar.find(arm, reference, each), onto)
            if each is not reference
            else sample_smoothed(each, registrar.find("unaligned", reference, each), onto)
            for each in visits
        ]
        return AlignedPair((images[0], images[1]), structures)

    def _blocks(self, registrar: Registrar, on_progress: OnProgress) -> list[FeatureBlock]:
        survey, config = self.survey, self.survey.job.config
        store, done = store_of(config), 0
        found: dict[tuple[str, str], list[Mapping[Column, FloatArray]]] = {}
        total = len(survey.pairs) * len(config.arms)
        for pair in survey.pairs:
            for arm in config.arms if self.opened else ():
                aligned = self.aligned(pair, arm, registrar)
                for each in self.opened:
                    combine = partial(each.vectors, structures=aligned.structures, store=store)
                    vectors = combine_visits(each, aligned, combine, config)
                    found.setdefault((each.choice.title, arm), []).append(vectors)
                done += 1
                on_progress(Progress("features", _FEATURES * done / total))
        return [*self._number_blocks(), *self._map_blocks(found)]

    def _map_blocks(
        self, found: Mapping[tuple[str, str], Sequence[Mapping[Column, FloatArray]]]
    ) -> list[FeatureBlock]:
        config = self.survey.job.config
        return [
            FeatureBlock(arm, each.choice.title, each.choice.baseline,
                         stacked_columns(found[each.choice.title, arm]))
            for each in self.opened
            for arm in config.arms
        ]  # fmt: skip

    def _number_blocks(self) -> list[FeatureBlock]:
        survey, config, blocks = self.survey, self.survey.job.config, []
        for choice in config.features:
            if choice.source not in OF_NUMBERS:
                continue
            values = survey.covariates
            if choice.source == VOLUMES:
                values = np.stack([combined_volumes(pair, config) for pair in survey.pairs])
            blocks.append(FeatureBlock("", choice.title, True, {(choice.source, ""): values}))
        return blocks


def _structures(row: ProbeRow, config: ProbeProgressionConfig) -> Labels | None:
    if not config.structures:
        return None
    return chosen_structures(row.open_labels(), config.structures)


def compared_arms(blocks: Sequence[FeatureBlock]) -> list[tuple[int, int]]:
    """List what is compared: aligned arms with the unaligned one, and models with intensities.

    Parameters
    ----------
    blocks
        Their numbers are listed, the first minus the second.
    """
    number = {(each.features, each.arm): n for n, each in enumerate(blocks)}
    found = []
    for n, each in enumerate(blocks):
        plain = number.get((each.features, "unaligned"))
        if each.arm not in ("", "unaligned") and plain is not None:
            found.append((n, plain))
    baselines = [each.features for each in blocks if each.baseline and each.arm]
    for n, each in enumerate(blocks):
        if not each.baseline and baselines:
            found.append((n, number[baselines[0], each.arm]))
    return found
