"""Project the weights of probes of two visits onto anatomy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from probes.linear.target import FloatArray
from probes.study.arms import Registrar
from probes.study.blocks import Column, OpenedFeatures
from probes.study.combining import AlignedPair, visit_weights
from probes.study.judging import JudgedBlock, ProbeFindings
from probes.study.progression_config import ProbeProgressionConfig
from probes.study.projection import (
    ProjectedWeights,
    contrast_of,
    linear_column,
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
    config, target = task.survey.job.config, task.survey.target
    some = np.linspace(0, len(target) - 1, min(len(target), config.map_subjects)).astype(int)
    rows = np.unique(some)
    weights = judged.fits[column].weights
    visits = [task.aligned(task.survey.pairs[n], config.arms[-1], registrar) for n in rows]
    shares = [_shares(each, source, column, weights, config) for each in visits]
    images = [each.images[0] for each in visits]
    contrast = contrast_of(target.rows(rows)).tolist()
    return ProjectedWeights(
        f"{judged.title}, {', '.join(column)}", weighted_sum(shares, contrast),
        weighted_sum(images, [1 / len(rows)] * len(rows)),
    )  # fmt: skip


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
