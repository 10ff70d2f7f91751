"""Project the weights of probes of two visits onto anatomy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from probes.linear.target import FloatArray
from probes.study.arms import Registrar
from probes.study.blocks import Column, OpenedFeatures
from probes.study.combining import AlignedPair, visit_weights
from probes.study.judging import JudgedBlock, ProbeFindings
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.projection import (
    ProjectedWeights,
    linear_column,
    project_weights,
    spread_weights,
    weighted_sum,
)
from regkit.volume import Volume

if TYPE_CHECKING:
    from probes.study.progression_task import ProbeProgressionTask


def projected_weights(
    task: ProbeProgressionTask, findings: ProbeFindings, registrar: Registrar
) -> list[ProjectedWeights]:
    """Project the weights of every linear probe of the last arm onto its maps.

    Parameters
    ----------
    task
        Pairs and open sources.
    findings
        The probes.
    registrar
        What finds, or has kept, the transforms.
    """
    arm = task.survey.job.config.arms[-1]
    found = []
    for judged in findings.judged:
        source = next((o for o in task.opened if o.choice.title == judged.block.features), None)
        column = None if source is None else linear_column(judged)
        if source is not None and column is not None and judged.block.arm == arm:
            found.append(_projection(task, judged, source, column, registrar))
    return found


def _projection(
    task: ProbeProgressionTask, judged: JudgedBlock, source: OpenedFeatures, column: Column,
    registrar: Registrar,
) -> ProjectedWeights:  # fmt: skip
    config, pairs = task.survey.job.config, task.survey.pairs

    def look(number: int, weights: FloatArray) -> tuple[Volume, Volume]:
        aligned = task.aligned(pairs[number], config.arms[-1], registrar)
        return _shares(aligned, source, column, weights, config), aligned.images[0]

    return project_weights(judged, column, task.survey.target, config.map_subjects, look)


def _shares(
    aligned: AlignedPair, source: OpenedFeatures, column: Column, weights: FloatArray,
    config: ProbeProgressionConfig,
) -> Volume:  # fmt: skip
    layer, pooling = column
    with torch.no_grad():
        if source.extractor.images == 2:
            maps = source.extractor.maps(list(aligned.images))[layer]
            return spread_weights(maps, aligned.structures, pooling, weights)
        spread = [
            spread_weights(source.extractor.maps([image])[layer], aligned.structures, pooling, own)
            for image, own in zip(
                aligned.images, visit_weights(weights, config.combine), strict=True
            )
            if own is not None
        ]
    return weighted_sum(spread, [1.0] * len(spread))
